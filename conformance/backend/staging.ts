import assert from 'node:assert/strict';
import type { Bench } from './bench.ts';
import type { BackendSuiteSetup } from './setup.ts';

export type Case = (bench: Bench, setup: BackendSuiteSetup) => Promise<void>;

async function stagedIs(bench: Bench, setup: BackendSuiteSetup, made: ReturnType<Bench['make']>): Promise<void> {
  const stored = await bench.backend.read(bench.place, made.version, bench.call());
  assert.equal(stored.version, made.version);
  assert.equal(stored.epoch, undefined);
  assert.deepEqual({ ...stored.ref }, made.envelope.ref);
  assert.equal(stored.material.valueFieldName(), 'password');
  const opened = setup.open(stored.material);
  assert.ok(
    JSON.stringify(Object.entries(opened).sort()) === JSON.stringify(Object.entries(made.fields).sort()),
    'read gives other material than was staged',
  );
}

export const staging: Readonly<Record<string, Case>> = {
  'stage keeps the whole envelope, and read gives it back': async (bench, setup) => {
    await stagedIs(bench, setup, await bench.staged(bench.make()));
  },

  'stage of the same version and value again changes nothing': async (bench, setup) => {
    const made = await bench.staged(bench.make());
    await bench.staged(made);
    await stagedIs(bench, setup, made);
  },

  'stage of the same version with another value is CONFLICT and keeps the first': async (bench, setup) => {
    const made = await bench.staged(bench.make());
    const other = { ...bench.make().envelope, version: made.version };
    await bench.refused('CONFLICT', bench.backend.stage(bench.place, other, bench.call()));
    await stagedIs(bench, setup, made);
  },

  'two stages of one version at once with different values leave one of them': async (bench) => {
    const made = bench.make();
    const other = { ...bench.make().envelope, version: made.version };
    const outcomes = await Promise.allSettled([
      bench.backend.stage(bench.place, made.envelope, bench.call()),
      bench.backend.stage(bench.place, other, bench.call()),
    ]);
    assert.equal(outcomes.filter((one) => one.status === 'fulfilled').length, 1);
    bench.isError('CONFLICT', outcomes.find((one) => one.status === 'rejected')?.reason);
  },

  'a staged version is out of reach of consumers until it is promoted': async (bench) => {
    const made = await bench.staged(bench.make());
    assert.equal(await bench.subject.consumerReads(bench.place.path), undefined);
    assert.equal(await bench.subject.consumerFinds(bench.place.path, made.value), false);
    await bench.promote(made, 1);
    assert.equal(
      await bench.subject.consumerFinds(bench.place.path, made.value),
      true,
      'the search finds nothing at all',
    );
  },

  'stage beside a current version changes nothing that consumers read': async (bench) => {
    const first = await bench.current(bench.make(), 1);
    const second = await bench.staged(bench.make());
    await bench.consumersRead(first, 1);
    assert.equal(await bench.subject.consumerFinds(bench.place.path, second.value), false);
  },

  'describe names every staged version': async (bench) => {
    const one = await bench.staged(bench.make());
    const two = await bench.staged(bench.make());
    const { staged } = await bench.backend.describe(bench.place, bench.call());
    assert.deepEqual([...staged].sort(), [one.version, two.version].sort());
  },

  'places beside and below each other do not mix': async (bench) => {
    const made = await bench.staged(bench.make());
    for (const path of [`${bench.place.path}-beside`, `${bench.place.path}/below`]) {
      const place = { ...bench.place, path };
      assert.deepEqual(await bench.backend.describe(place, bench.call()), { main: { kind: 'empty' }, staged: [] });
      await bench.refused('NOT_FOUND', bench.backend.read(place, made.version, bench.call()));
      const there = bench.make();
      await bench.staged(there, place);
      await bench.promote(there, 1, undefined, place);
    }
    const described = await bench.backend.describe(bench.place, bench.call());
    assert.deepEqual(described, { main: { kind: 'empty' }, staged: [made.version] });
  },
};
