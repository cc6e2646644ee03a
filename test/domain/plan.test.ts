import { describe, expect, it } from 'vitest';
import type { CredentialFacts, EpochFacts, RequestFacts, VersionFacts, WorldFacts } from '../../domain/facts.ts';
import { parseCredentialId, type VersionId } from '../../domain/identifiers.ts';
import type { Liveness } from '../../domain/lifecycle.ts';
import { plan, type Plan } from '../../domain/plan.ts';
import { plainEntry } from '../support/rotation-world.ts';

const id = parseCredentialId('in-memory/test/bot');
// Names of the test's own, not ids from outside: the rule only compares them.
const [a, b, c] = ['a', 'b', 'c'] as unknown as readonly [VersionId, VersionId, VersionId];

const version = (name: VersionId, changes: Partial<VersionFacts> = {}): VersionFacts => ({
  id: name,
  fate: 'doomed',
  everCurrent: true,
  compromised: false,
  suspended: false,
  spent: false,
  refused: false,
  issued: true,
  target: 'main',
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
  ...changes,
});
const current = (name: VersionId, changes: Partial<VersionFacts> = {}) =>
  version(name, { fate: 'current', ...changes });
const pending = (name: VersionId) => version(name, { fate: 'pending', everCurrent: false, issued: false });
const standby = (name: VersionId) => version(name, { fate: 'standby', everCurrent: false });
const dead = (name: VersionId) => version(name, { fate: 'dead' });

/** Epochs newest first, by the versions they name. */
const epochs = (...named: readonly VersionId[]): readonly EpochFacts[] =>
  named.map((one, index) => ({ epoch: named.length - index, version: one, why: 'due', decidedAt: 1 }));

const request = (kind: RequestFacts['kind'], changes: Partial<RequestFacts> = {}): RequestFacts => ({
  id: 'request',
  kind,
  credential: id,
  epoch: undefined,
  version: undefined,
  release: undefined,
  who: 'someone',
  why: 'a reason',
  at: 1,
  ...changes,
});
const rotate = request('rotate');

interface Situation extends Partial<CredentialFacts> {
  readonly dies?: readonly VersionId[];
  readonly behind?: boolean;
  readonly leaked?: readonly VersionId[];
  readonly rehearse?: boolean;
}

/** The rule's answer; every version lives but those in `dies`. */
function ruled({ dies = [], behind = false, leaked = [], rehearse = false, ...changes }: Situation): Plan {
  const facts = factsOf(changes);
  const liveness = new Map<VersionId, Liveness>();
  const world: WorldFacts = { liveness, backends: new Map([['vault', behind ? 'behind' : 'in-sync']]) };
  for (;;) {
    const answer = plan({ facts, world, compromised: new Set(leaked), rehearse });
    if (answer.kind === 'do') return answer;
    for (const one of answer.versions) liveness.set(one, dies.includes(one) ? 'refused' : 'live');
  }
}

function factsOf(changes: Partial<CredentialFacts>): CredentialFacts {
  return {
    id,
    now: 1_000,
    status: 'managed',
    entry: plainEntry(id, 'team', []),
    observeOnly: false,
    epochs: [],
    versions: [],
    due: dueAt(10_000),
    requests: [],
    openRun: undefined,
    ...changes,
  };
}

describe('what is wanted', () => {
  const settled = { versions: [dead(a), current(b)], epochs: epochs(b, a) };

  it('is a first version when there was none', () => {
    expect(ruled({})).toMatchObject({ wanted: 'issue', promote: true, doomed: [] });
  });

  it('is what is current when nothing is due', () => {
    expect(ruled(settled)).toMatchObject({ wanted: b, promote: false, doomed: [] });
  });

  it('is promoted again where a backend is behind', () => {
    expect(ruled({ ...settled, behind: true })).toMatchObject({ wanted: b, promote: true });
  });

  it('is a new version when the schedule or a person asks', () => {
    expect(ruled({ ...settled, requests: [rotate] })).toMatchObject({ wanted: 'issue', doomed: [b] });
    expect(ruled({ ...settled, due: dueAt(500) })).toMatchObject({ wanted: 'issue', why: 'due' });
  });

  it('is the standby before the pending one, and that before a new one', () => {
    const due = { epochs: epochs(b), requests: [rotate] };
    expect(ruled({ ...due, versions: [current(b), pending(a), standby(c)] })).toMatchObject({ wanted: c });
    expect(ruled({ ...due, versions: [current(b), pending(a)] })).toMatchObject({ wanted: a });
    expect(ruled({ ...due, versions: [current(b), standby(c)], dies: [c] })).toMatchObject({ wanted: 'issue' });
  });

  it('when the current one leaked: a live standby, a pending one, the newest earlier one that is free, else a new one', () => {
    const leaked = { epochs: epochs(b, a), leaked: [b] };
    expect(ruled({ ...leaked, versions: [version(a), current(b), standby(c)] })).toMatchObject({ wanted: c });
    expect(ruled({ ...leaked, versions: [version(a), current(b), pending(c)] })).toMatchObject({ wanted: c });
    expect(ruled({ ...leaked, versions: [version(a), current(b)] })).toMatchObject({ wanted: a, why: 'survivor' });
    expect(ruled({ ...leaked, versions: [version(a), current(b)], dies: [a] })).toMatchObject({ wanted: 'issue' });
    const authorised = version(a, { authorisedEpoch: 2 });
    expect(ruled({ ...leaked, versions: [authorised, current(b)] })).toMatchObject({ wanted: 'issue' });
    expect(ruled({ ...leaked, leaked: [a, b], versions: [version(a), current(b)] })).toMatchObject({ wanted: 'issue' });
  });

  it('is another one when the provider refuses the current one, whatever anybody asked', () => {
    expect(ruled({ ...settled, dies: [b] })).toMatchObject({ wanted: 'issue', doomed: [b] });
  });

  it('counts a suspended earlier version as alive: it can be resumed', () => {
    const versions = [version(a, { suspended: true }), current(b)];
    expect(ruled({ versions, epochs: epochs(b, a), leaked: [b], dies: [a] })).toMatchObject({ wanted: a });
  });

  it('is the version that an undecided roll-back names, while it lives and did not leak', () => {
    const versions = [version(a), current(b)];
    const back = { versions, epochs: epochs(b, a), requests: [request('rollBack', { version: a })] };
    expect(ruled(back)).toMatchObject({ wanted: a, why: 'roll-back', doomed: [b] });
    expect(ruled({ ...back, dies: [a] })).toMatchObject({ wanted: b });
    expect(ruled({ ...back, leaked: [a] })).toMatchObject({ wanted: b });
  });

  it('is not a third version while an earlier one is not dead yet', () => {
    const versions = [version(a), current(b)];
    expect(ruled({ versions, epochs: epochs(b, a), requests: [rotate] })).toMatchObject({ wanted: b, doomed: [a] });
  });

  it('is never a spent one', () => {
    const versions = [current(b), { ...pending(c), spent: true }];
    expect(ruled({ versions, epochs: epochs(b), requests: [rotate] })).toMatchObject({ wanted: 'issue' });
  });

  it('is nothing new in mode observe, nor for a copied or restored ledger', () => {
    const asked = { ...settled, requests: [rotate] };
    const entry = { ...plainEntry(id, 'team', []), mode: 'observe' as const };
    expect(ruled({ ...asked, entry })).toMatchObject({ wanted: b, doomed: [] });
    expect(ruled({ ...asked, observeOnly: true })).toMatchObject({ wanted: b, doomed: [] });
  });

  it('is nothing new for a deleted entry, whose versions are all doomed', () => {
    const retiring = { ...settled, status: 'retiring' as const, requests: [rotate] };
    expect(ruled(retiring)).toMatchObject({ wanted: undefined, promote: false, doomed: [b] });
    expect(ruled({ ...retiring, versions: [dead(a), dead(b)] })).toMatchObject({ wanted: undefined, doomed: [] });
  });

  it('of a rehearsal is a new version that nobody waits for', () => {
    expect(ruled({ ...settled, rehearse: true })).toMatchObject({ wanted: 'issue' });
  });

  it('is asked of the provider before it is answered', () => {
    const facts = factsOf({ versions: [current(b)], epochs: epochs(b) });
    const world: WorldFacts = { liveness: new Map(), backends: new Map() };
    const answer = plan({ facts, world, compromised: new Set(), rehearse: false });
    expect(answer).toEqual({ kind: 'ask', versions: [b] });
  });
});

describe('what is doomed', () => {
  it('is every other version not proved dead, compromised ones first', () => {
    const versions = [version(a), version(c), current(b)];
    const answer = ruled({ versions, epochs: epochs(b, c, a), leaked: [c] });
    expect(answer).toMatchObject({ wanted: b, doomed: [c, a] });
  });

  it('is no standby, unless it leaked', () => {
    const versions = [standby(a), current(b)];
    expect(ruled({ versions, epochs: epochs(b) })).toMatchObject({ doomed: [] });
    expect(ruled({ versions, epochs: epochs(b), leaked: [a] })).toMatchObject({ doomed: [a] });
  });

  it('is no debt that settles itself, unless it leaked', () => {
    const versions = [version(a, { debtMoved: true }), current(b)];
    expect(ruled({ versions, epochs: epochs(b, a) })).toMatchObject({ doomed: [] });
    expect(ruled({ versions, epochs: epochs(b, a), leaked: [a] })).toMatchObject({ doomed: [a] });
  });

  it('is neither what is dead nor what a person gave up', () => {
    const versions = [dead(a), version(c, { fate: 'released' }), current(b)];
    expect(ruled({ versions, epochs: epochs(b, c, a) })).toMatchObject({ doomed: [] });
  });
});

function dueAt(at: number): CredentialFacts['due'] {
  return { at, lastRotatedAt: 1, failedAttempts: 0, nextAttemptAt: undefined, reopened: false };
}
