import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { Case } from './staging.ts';

export const reading: Readonly<Record<string, Case>> = {
  'read of what is absent is NOT_FOUND': async (bench) => {
    await bench.refused('NOT_FOUND', bench.backend.read(bench.place, 'current', bench.call()));
    await bench.refused('NOT_FOUND', bench.backend.read(bench.place, bench.make().version, bench.call()));
  },

  'read of current gives version, epoch, ref and material': async (bench, setup) => {
    const first = await bench.current(bench.make(), 1);
    const second = await bench.current(bench.make(), 2, first);
    const stored = await bench.backend.read(bench.place, 'current', bench.call());
    assert.deepEqual([stored.version, stored.epoch, { ...stored.ref }], [second.version, 2, second.envelope.ref]);
    assert.ok(setup.open(stored.material)['password'] === second.value, 'read of current gives other material');
  },

  'read of current over a value that is not ours is CONFLICT, never our older value': async (bench) => {
    await bench.current(bench.make(), 1);
    await bench.subject.writeByHand(bench.place.path, { PASSWORD: 'pasted-by-hand' });
    await bench.refused('CONFLICT', bench.backend.read(bench.place, 'current', bench.call()));
  },

  'describe of an untouched place is empty': async (bench) => {
    const described = await bench.backend.describe(bench.place, bench.call());
    assert.deepEqual(described, { main: { kind: 'empty' }, staged: [] });
  },

  'describe calls a place empty when only fields that are not ours are there': async (bench) => {
    await bench.subject.writeByHand(bench.place.path, { REGION: 'eu-west-1' });
    assert.deepEqual((await bench.backend.describe(bench.place, bench.call())).main, { kind: 'empty' });
  },

  'describe stays in sync when a field that is not ours changes': async (bench) => {
    const made = await bench.current(bench.make(), 1);
    await bench.subject.writeByHand(bench.place.path, { REGION: 'eu-west-1' });
    await bench.consumersRead(made, 1);
  },

  'describe says foreign when one mapped field was changed and the mark stayed': async (bench) => {
    const made = await bench.current(bench.make(), 1);
    await bench.subject.writeByHand(bench.place.path, { DATABASE_USER: 'somebody-else' });
    const { main } = await bench.backend.describe(bench.place, bench.call());
    assert.deepEqual(main, { kind: 'foreign', claims: { version: made.version, epoch: 1 } });
  },

  'describe says foreign when the mark was changed and the fields stayed': async (bench) => {
    await bench.current(bench.make(), 1);
    const other = await bench.staged(bench.make());
    await bench.subject.writeByHand(bench.place.path, { keybaton_version: other.version });
    const { main } = await bench.backend.describe(bench.place, bench.call());
    assert.deepEqual(main, { kind: 'foreign', claims: { version: other.version, epoch: 1 } });
  },

  'describe says foreign, without a claim, for a value that was never ours': async (bench) => {
    await bench.subject.writeByHand(bench.place.path, { PASSWORD: 'pasted-by-hand' });
    const { main } = await bench.backend.describe(bench.place, bench.call());
    assert.deepEqual(main, { kind: 'foreign', claims: undefined });
  },

  'describe never holds material': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    await bench.staged(bench.make());
    const text = inspect(await bench.backend.describe(bench.place, bench.call()), { depth: 10, showHidden: true });
    assert.ok(text.includes(first.version) && !bench.holdsCanary(text), 'describe holds material');
  },

  'a backend that can be read says so and never answers unknown': async (bench) => {
    const { main } = await bench.backend.describe(bench.place, bench.call());
    assert.equal(main.kind === 'unknown', !bench.backend.readable);
    assert.ok(bench.backend.name.length > 0);
  },
};
