import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Entry, EntryConsumer, WorkloadPlace } from '../../domain/entry.ts';
import { evidenceKinds, workloadKinds } from '../../domain/entry.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import { diffInventory } from '../../inventory/diff.ts';
import { longestBound } from '../../inventory/tiers.ts';
import { readInventory } from '../../inventory/read.ts';
import { renderInventory } from '../../inventory/render.ts';
import { z } from 'zod';

const day = 86_400_000;
const anything = z.unknown();
const adapters = { targetSchemas: { memory: anything }, backendSchemas: { shelf: anything } };
const targets = `
targets:
  one: { provider: memory, environment: prod, admin: 'env:ADMIN', teams: [search, support], paths: [ai, other], probes: { health: https://a.example/ } }
backends:
  left: { kind: shelf, settings: { n: 1 } }
  right: { kind: shelf, settings: { n: 2 } }
clusters:
  here: { namespaces: { team-a: [search, support] } }
`;

const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,20}$/);
const milliseconds = fc.oneof(
  fc.integer({ min: 1, max: 999_999_999 }),
  fc.integer({ min: 1, max: 400 }).map((days) => days * day),
);
/** Text as people write it, with everything that YAML might read as something else. */
const text = fc.oneof(
  fc.stringMatching(/^[^\p{C}]{3,40}$/u),
  fc.constantFrom('no', 'true', '- x', '# nothing', "it's: so", '12e3', '*star', '&and', '{a: b}'),
);
const words = text.filter((one) => one.trim() === one && one.length >= 3);
const window = fc
  .tuple(fc.integer({ min: 0, max: 10_079 }), fc.integer({ min: 1, max: 10_080 }))
  .filter(([from, to]) => from < to)
  .map(([from, to]) => ({ from, to }));
const freeze = fc
  .tuple(fc.integer({ min: 0, max: 40_000 }), fc.integer({ min: 1, max: 60 }))
  .map(([first, days]) => ({ from: first * day, to: (first + days) * day }));
const path = fc
  .tuple(
    fc.constantFrom('ai', 'other'),
    fc.array(fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/), { minLength: 1, maxLength: 4 }),
  )
  .map(([first, rest]) => [first, ...rest].join('/'));
const fields = fc.dictionary(fc.stringMatching(/^[A-Z_]{1,12}$/), text, { minKeys: 1, maxKeys: 3 });

const objectName = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$/);
const kubernetes: fc.Arbitrary<WorkloadPlace> = fc
  .record({
    workload: fc.record({ kind: fc.constantFrom(...workloadKinds), name: objectName }),
    externalSecret: fc.option(objectName, { nil: undefined }),
    secret: objectName,
    restart: fc.constantFrom('reloader' as const, 'rollout' as const),
  })
  .map(({ externalSecret, ...rest }) => ({
    cluster: 'here',
    namespace: 'team-a',
    ...rest,
    ...(externalSecret !== undefined && { externalSecret }),
  }));
const plain = fc.record({
  name,
  kind: fc.constantFrom('service' as const, 'job' as const),
  deadline: milliseconds,
  without: fc.constantFrom('hold' as const, 'roll-back' as const),
  probe: fc.constant('health'),
});

/** What is rolled out is seen at a workload alone; a workload may be there for other demands too. */
const consumer = (mode: Entry['mode']): fc.Arbitrary<EntryConsumer> => {
  const demands = evidenceKinds.filter((kind) => kind !== 'acknowledged' || mode !== 'automatic');
  const anywhere = fc.constantFrom(...demands.filter((kind) => kind !== 'rolled-out'));
  return fc.oneof(
    fc.tuple(plain, anywhere).map(([one, demand]) => ({ ...one, demand })),
    fc
      .tuple(plain, fc.constantFrom(...demands), kubernetes)
      .map(([one, demand, place]) => ({ ...one, demand, kubernetes: place })),
  );
};

const entryOf = (id: CredentialId, mode: Entry['mode'], number: number): fc.Arbitrary<Entry> =>
  fc
    .record({
      team: fc.constantFrom('search', 'support'),
      contact: fc.option(words, { nil: undefined }),
      groups: fc.array(name, { maxLength: 3 }),
      tier: fc.constantFrom('standard' as const, 'low' as const),
      schedule: fc.record({ every: milliseconds, jitter: milliseconds, windows: fc.array(window, { maxLength: 3 }) }),
      freezes: fc.option(fc.array(freeze, { maxLength: 2 }), { nil: undefined }),
      places: fc.array(
        fc.record({ backend: fc.constantFrom('left', 'right'), path, fields: fc.option(fields, { nil: undefined }) }),
        { minLength: 1, maxLength: 2 },
      ),
      consumers: fc.oneof(
        fc.uniqueArray(consumer(mode), { selector: (one) => one.name, maxLength: 4 }),
        words.map((none) => ({ none })),
      ),
      silence: fc.oneof(
        milliseconds.map((one) => ({ for: one })),
        words.map((no) => ({ no })),
      ),
      soak: fc.nat({ max: 999_999_999 }),
      policy: fc.constantFrom('revoke-first' as const, 'replace-first' as const, 'standby' as const),
      bound: milliseconds.map((bound) => Math.min(bound, longestBound)),
      standby: fc.boolean(),
      movedFrom: fc.option(fc.constant(parseCredentialId(`memory/prod/old-${number}`)), { nil: undefined }),
    })
    .map(({ policy, bound, standby, places, freezes, schedule, ...rest }) => ({
      id,
      target: 'one',
      mode,
      ...rest,
      schedule: freezes === undefined ? schedule : { ...schedule, freezes },
      // A path of its own per entry and place: two entries at one location are refused, which is another test's matter.
      backends: places.map((place, index) => ({ ...place, path: `${place.path}/${number}-${index}` })),
      emergency: { policy, bound },
      standby: standby || policy === 'standby',
      dependents: [],
      apartFrom: [],
    }));

const entries = fc
  .uniqueArray(name, { minLength: 1, maxLength: 4 })
  .chain((names) =>
    fc.tuple(
      ...names.map((application, number) =>
        fc
          .constantFrom('observe' as const, 'ask' as const, 'automatic' as const)
          .chain((mode) => entryOf(parseCredentialId(`memory/prod/${application}`), mode, number)),
      ),
    ),
  );

test('what an inventory renders to reads back as the same entries', () => {
  fc.assert(
    fc.property(entries, (written) => {
      const inventory = renderInventory({ teams: ['search', 'support'], entries: written });
      const reading = readInventory({ targets, inventory, adapters, others: [] });
      expect(reading).toMatchObject({ kind: 'checked' });
      if (reading.kind === 'checked') {
        expect(reading.inventory.entries).toEqual(written);
        expect(diffInventory(written, reading.inventory.entries)).toEqual([]);
      }
    }),
    { numRuns: 150 },
  );
});

test('no text makes the reader throw: it refuses', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), fc.jsonValue(), (text, value) => {
      expect(readInventory({ targets: text, inventory: JSON.stringify(value), adapters, others: [] }).kind).toBe(
        'refused',
      );
      expect(readInventory({ targets, inventory: text, adapters, others: [] }).kind).toBe('refused');
    }),
    { numRuns: 300 },
  );
});
