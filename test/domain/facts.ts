import fc from 'fast-check';
import type { CredentialFacts, EpochFacts, RequestFacts, VersionFacts } from '../../domain/facts.ts';
import { parseCredentialId, parseVersionId, type VersionId } from '../../domain/identifiers.ts';
import type { Entry } from '../../domain/entry.ts';
import type { Liveness } from '../../domain/lifecycle.ts';

/** Ids that tell versions apart at a glance: the letter, thirty times. */
export const versionId = (letter: string): VersionId => parseVersionId(`kb${letter.repeat(30)}`);
export const credential = parseCredentialId('in-memory/test/bot');
export const now = 1_000_000;

export const entry = (changes: Partial<Entry> = {}): Entry => ({
  id: credential,
  target: 'target',
  team: 'team',
  contact: undefined,
  groups: [],
  tier: 'standard',
  mode: 'automatic',
  schedule: { every: 90 * 86_400_000, jitter: 0, windows: [] },
  backends: [],
  consumers: { none: 'a test' },
  silence: { no: 'a test' },
  soak: 0,
  emergency: { policy: 'revoke-first', bound: 600_000 },
  standby: false,
  dependents: [],
  apartFrom: [],
  movedFrom: undefined,
  ...changes,
});

export const version = (letter: string, changes: Partial<VersionFacts> = {}): VersionFacts => ({
  id: versionId(letter),
  fate: 'pending',
  everCurrent: false,
  compromised: false,
  compromisedAt: undefined,
  suspended: false,
  spent: false,
  refused: false,
  issued: true,
  target: 'target',
  createdAt: 0,
  expiresAt: undefined,
  fingerprint: undefined,
  refs: [],
  copies: [],
  intents: [],
  baseline: undefined,
  authorisedEpoch: undefined,
  killBegun: false,
  suspendedAt: undefined,
  dead: undefined,
  refusals: undefined,
  onlyByHand: false,
  debtMoved: false,
  drill: false,
  ...changes,
});

export const current = (letter: string, changes: Partial<VersionFacts> = {}): VersionFacts =>
  version(letter, { fate: 'current', everCurrent: true, ...changes });
export const former = (letter: string, changes: Partial<VersionFacts> = {}): VersionFacts =>
  version(letter, { fate: 'doomed', everCurrent: true, ...changes });

export const epoch = (number: number, letter: string): EpochFacts => ({
  epoch: number,
  version: versionId(letter),
  why: 'due',
  decidedAt: number,
});

export const request = (changes: Partial<RequestFacts>): RequestFacts => ({
  id: 'request',
  kind: 'rotate',
  credential,
  epoch: undefined,
  version: undefined,
  release: undefined,
  who: 'ada',
  why: 'because',
  at: 0,
  ...changes,
});

export const facts = (changes: Partial<CredentialFacts> = {}): CredentialFacts => ({
  id: credential,
  now,
  status: 'managed',
  entry: entry(),
  observeOnly: false,
  epochs: [],
  versions: [],
  due: { at: now + 1, lastRotatedAt: undefined, failedAttempts: 0, nextAttemptAt: undefined, reopened: false },
  requests: [],
  openRun: undefined,
  ...changes,
});

const letters = ['a', 'b', 'c', 'd', 'e', 'f'];

const anyVersion = (letter: string): fc.Arbitrary<VersionFacts> =>
  fc
    .record({
      fate: fc.constantFrom('pending', 'standby', 'current', 'doomed', 'dead', 'released'),
      everCurrent: fc.boolean(),
      compromised: fc.boolean(),
      suspended: fc.boolean(),
      spent: fc.boolean(),
      refused: fc.boolean(),
      issued: fc.boolean(),
      authorised: fc.boolean(),
      killBegun: fc.boolean(),
      debtMoved: fc.boolean(),
    } as const)
    .map(({ authorised, debtMoved, ...made }) =>
      version(letter, { ...made, authorisedEpoch: authorised ? 1 : undefined, debtMoved: authorised && debtMoved }),
    );

/** Facts that need not make sense together: the rule must hold whatever the ledger says. */
export const anyFacts: fc.Arbitrary<CredentialFacts> = fc
  .record({
    versions: fc.tuple(...letters.map((letter) => fc.option(anyVersion(letter), { nil: undefined }))),
    epochs: fc.array(fc.constantFrom(...letters), { maxLength: 5 }),
    status: fc.constantFrom('managed', 'managed', 'retiring', 'released'),
    mode: fc.constantFrom('automatic', 'ask', 'observe'),
    observeOnly: fc.boolean(),
    standby: fc.boolean(),
    rollBack: fc.option(fc.constantFrom(...letters), { nil: undefined }),
    rotate: fc.boolean(),
    dueAt: fc.constantFrom(now - 1, now + 1),
    reopened: fc.boolean(),
  } as const)
  .map((made) =>
    facts({
      status: made.status,
      entry: entry({ mode: made.mode, standby: made.standby }),
      observeOnly: made.observeOnly,
      versions: made.versions.filter((one) => one !== undefined),
      epochs: made.epochs.map((letter, index) => epoch(made.epochs.length - index, letter)),
      due: { ...facts().due, at: made.dueAt, reopened: made.reopened },
      requests: [
        ...(made.rollBack === undefined ? [] : [request({ kind: 'rollBack', version: versionId(made.rollBack) })]),
        ...(made.rotate ? [request({ kind: 'rotate' })] : []),
      ],
    }),
  );

export const anyLiveness: fc.Arbitrary<ReadonlyMap<VersionId, Liveness>> = fc
  .tuple(...letters.map(() => fc.constantFrom<Liveness>('live', 'live', 'refused', 'absent', 'unknown')))
  .map((answers) => new Map(letters.map((letter, index) => [versionId(letter), answers[index] ?? 'live'])));

export const anyVersionIds: fc.Arbitrary<ReadonlySet<VersionId>> = fc
  .subarray(letters)
  .map((chosen) => new Set(chosen.map(versionId)));
