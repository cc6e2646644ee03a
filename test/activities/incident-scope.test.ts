import { expect, test } from 'vitest';
import { scopeVersions, scopedVersion, type ScopedVersion, type ScopePorts } from '../../activities/incident-scope.ts';
import type { BoundProvider } from '../../activities/ports.ts';
import type { Trail } from '../../activities/trail.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { SilenceFacts } from '../../domain/facts.ts';
import { parseCredentialId, parseVersionId } from '../../domain/identifiers.ts';
import type { TrailAnswer } from '../../evidence/access-trail.ts';
import type { Usage } from '../../providers/provider.ts';
import { entry, facts as credentialFacts, version as ofVersion, versionId } from '../domain/facts.ts';

const credential = parseCredentialId('openai/prod/support-bot');
const version = parseVersionId(`kb${'a'.repeat(30)}`);
const made = Date.UTC(2026, 10, 1);
const declaredAt = Date.UTC(2026, 10, 22, 3);
const minute = 60_000;

const scoped: ScopedVersion = {
  credential,
  version,
  target: 'openai-prod',
  refs: [{ id: 'key_1' }],
  places: [{ backend: 'vault', path: 'ai/bot' }],
  epochs: [{ version, from: made }],
  since: made,
  declaredAt,
};

const trailOf = (answer: Partial<TrailAnswer>, more: Partial<Extract<Trail, { kind: 'file' }>> = {}): Trail => ({
  kind: 'file',
  name: 'audit file',
  wholeSinceMade: false,
  read: async () => ({ begins: made - 1, damaged: 0, reads: new Map(), ...answer }),
  ...more,
});
const reads = (count: number, more = {}) => new Map([[version, { count, own: 0, untold: 0, seen: [], ...more }]]);

interface Given {
  readonly trail?: Trail | Error;
  readonly usage?: Usage | Error;
  readonly signals?: BoundProvider['traits']['usage'];
  readonly watched?: SilenceFacts;
  readonly now?: number;
}

function ports({ trail, usage, signals, watched, now = declaredAt + 10 * minute }: Given): ScopePorts {
  const provider = {
    name: 'openai',
    traits: { callTimeout: 1_000, usage: signals },
    usage: async () => {
      if (usage instanceof Error || usage === undefined) throw usage ?? new KeybatonError('NOT_FOUND', 'gone');
      return usage;
    },
  };
  return {
    // Only what the lookup asks of a provider.
    provider: async () => provider as unknown as BoundProvider,
    trail: async () => {
      if (trail instanceof Error) throw trail;
      return trail ?? { kind: 'none', why: 'it keeps none' };
    },
    watched: async () => watched,
    now: () => now,
    random: (bytes) => new Uint8Array(bytes),
  };
}
const look = (given: Given) => scopeVersions(ports(given), { versions: [scoped] }, AbortSignal.timeout(60_000));
const backend = async (given: Given) => (await look(given))[0];
const target = async (given: Given) => (await look(given))[1];
const timestamp = { kind: 'timestamp', lag: minute } as const;

test.each([
  [
    'readings that were seen',
    trailOf({ reads: reads(3, { own: 1 }) }),
    'read',
    '3 readings in the audit file, and 1 by keybaton itself',
  ],
  ['a whole trail without one', trailOf({ reads: reads(0) }), 'none seen', 'no reading in the audit file'],
  [
    'a trail that begins after the version was made',
    trailOf({ begins: made + 1, reads: reads(0) }),
    'cannot tell',
    'after the version was made',
  ],
  [
    'a trail of which lines are damaged',
    trailOf({ damaged: 2, reads: reads(0) }),
    'cannot tell',
    '2 lines of it are damaged',
  ],
  ['an empty trail', trailOf({ begins: undefined, reads: reads(0) }), 'cannot tell', 'it is empty'],
  ['readings of an unknown version', trailOf({ reads: reads(0, { untold: 4 }) }), 'cannot tell', 'of 4 readings'],
  [
    'a log that is written before every answer, and is empty',
    trailOf({ begins: undefined, reads: reads(0) }, { wholeSinceMade: true }),
    'none seen',
    'no reading',
  ],
  ['a backend without a trail', { kind: 'none', why: 'a write-only store' }, 'cannot tell', 'a write-only store'],
] as const)('of %s it says %s', async (_what, trail, verdict, text) => {
  const found = await backend({ trail });
  expect(found).toMatchObject({ verdict, source: 'backend:vault', credential, version });
  expect(found?.text).toContain(text);
});

test('a trail that cannot be read is a finding, not a failure, and shows no more than its file', async () => {
  const unreadable = trailOf({}, { read: () => Promise.reject(new Error('secret text of somebody else')) });
  expect(await backend({ trail: unreadable })).toMatchObject({ verdict: 'cannot tell' });
  expect((await backend({ trail: unreadable }))?.text).not.toContain('secret text');
  const gone = trailOf(
    {},
    { read: () => Promise.reject(new KeybatonError('NOT_FOUND', 'there is no /var/log/audit.log')) },
  );
  expect((await backend({ trail: gone }))?.text).toBe('there is no /var/log/audit.log');
});

test('a use after the declaration is told with how long after', async () => {
  const found = await target({ signals: timestamp, usage: { kind: 'timestamp', lastUsedAt: declaredAt + 4 * minute } });
  expect(found).toMatchObject({ verdict: 'used', source: 'target:openai-prod' });
  expect(found?.text).toContain('4 min after it was declared');
});

test('no use is none only once the signal must have come through', async () => {
  const never = { signals: timestamp, usage: { kind: 'timestamp' } as const };
  expect((await target(never))?.verdict).toBe('none seen');
  const early = await target({ ...never, now: declaredAt + 1_000 });
  expect(early?.verdict).toBe('cannot tell');
  expect(early?.text).toContain('lags by 60 s: look again');
});

test('a provider that forgets a dead key leaves what was seen while it was watched', async () => {
  const watched = { kind: 'timestamp', watchingSince: made, watchedUntil: declaredAt } as const;
  const used = await target({ signals: timestamp, watched: { ...watched, lastUseAt: declaredAt - 2 * minute } });
  expect(used?.verdict).toBe('used');
  expect(used?.text).toContain('tells nothing of it any more (NOT_FOUND); last used at');
  const unused = await target({ signals: timestamp, watched: { ...watched, lastUseAt: undefined } });
  expect(unused?.verdict).toBe('cannot tell');
});

test('a provider without a signal says so', async () => {
  const found = await target({ signals: undefined });
  expect(found?.verdict).toBe('cannot tell');
  expect(found?.text).toContain('does not tell when a key was used');
});

test('sessions that are open are use', async () => {
  expect((await target({ signals: { kind: 'sample', lag: 0 }, usage: { kind: 'sample', sessions: 2 } }))?.verdict).toBe(
    'used',
  );
});

test('what the ledger knows of a version names every place and epoch of it', () => {
  const facts = credentialFacts({
    entry: entry({ backends: [{ backend: 'vault', path: 'ai/now', fields: undefined }] }),
    epochs: [
      { epoch: 2, version: versionId('b'), why: 'due', decidedAt: 20 },
      { epoch: 1, version: versionId('a'), why: 'due', decidedAt: 10 },
    ],
    versions: [
      ofVersion('a', {
        createdAt: 5,
        refs: [{ ref: { id: 'key_a' }, gone: true }],
        copies: [
          { backend: 'vault', path: 'ai/before', as: 'main', epoch: 1, gone: true },
          { backend: 'vault', path: 'ai/now', as: 'staged', epoch: undefined, gone: false },
        ],
      }),
    ],
  });
  expect(scopedVersion(facts, versionId('a'), 30)).toMatchObject({
    refs: [{ id: 'key_a' }],
    places: [
      { backend: 'vault', path: 'ai/now' },
      { backend: 'vault', path: 'ai/before' },
    ],
    epochs: [
      { version: versionId('a'), from: 10 },
      { version: versionId('b'), from: 20 },
    ],
    since: 5,
    declaredAt: 30,
  });
  expect(scopedVersion(facts, versionId('z'), 30)).toBeUndefined();
});
