import assert from 'node:assert/strict';
import type { Backend, BackendCall } from '../../backends/backend.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import type { Bench, Made } from './bench.ts';
import type { Case } from './staging.ts';

interface Scene {
  readonly first: Made;
  readonly second: Made;
  readonly third: Made;
}

/** Two generations at the main place and one version more, staged: every operation has something to do. */
async function scene(bench: Bench): Promise<Scene> {
  const first = await bench.current(bench.make(), 1);
  const second = await bench.current(bench.make(), 2, first);
  return { first, second, third: await bench.staged(bench.make()) };
}

function writes(bench: Bench, backend: Backend, { first, second, third }: Scene, call: () => BackendCall) {
  return {
    stage: () => backend.stage(bench.place, bench.make().envelope, call()),
    promote: () => backend.promote(bench.place, { version: third.version, epoch: 3, expected: second.version }, call()),
    destroy: () => backend.destroy(bench.place, first.version, call()),
  };
}

async function nothingChanged(bench: Bench, { first, second, third }: Scene): Promise<void> {
  await bench.consumersRead(second, 2);
  const { staged } = await bench.backend.describe(bench.place, bench.call());
  assert.deepEqual([...staged].sort(), [first.version, second.version, third.version].sort());
}

async function everyOperation(bench: Bench, backend: Backend, code: ErrorCode): Promise<void> {
  const set = await scene(bench);
  const call = () => bench.call();
  for (const write of Object.values(writes(bench, backend, set, call))) await bench.refused(code, write());
  await bench.refused(code, backend.read(bench.place, 'current', call()));
  await bench.refused(code, backend.read(bench.place, bench.make().version, call()));
  await bench.refused(code, backend.describe(bench.place, call()));
  await bench.refused(code, backend.probe(bench.place, call()));
  await nothingChanged(bench, set);
}

/** A lost answer may be resolved by the adapter itself; if not it is AMBIGUOUS, and the retry finds what was done. */
async function twice(bench: Bench, lost: () => boolean, attempt: () => Promise<void>): Promise<void> {
  const first = await attempt().then(
    () => undefined,
    (reason: unknown) => ({ reason }),
  );
  assert.ok(lost(), 'no answer was lost, so that nothing was tried');
  if (first !== undefined) bench.isError('AMBIGUOUS', first.reason);
  await attempt();
}

export const trouble: Readonly<Record<string, Case>> = {
  'a backend that does not answer is UNAVAILABLE in every operation, never absent': async (bench) => {
    await everyOperation(bench, await bench.subject.unreachable(), 'UNAVAILABLE');
  },

  'a refused admin credential is ACCESS_DENIED in every operation, never absent': async (bench) => {
    await everyOperation(bench, await bench.subject.denied(), 'ACCESS_DENIED');
  },

  'nothing is written after the deadline': async (bench) => {
    const set = await scene(bench);
    const late = () => bench.call({ deadline: Date.now() - 1 });
    for (const write of Object.values(writes(bench, bench.backend, set, late)))
      await bench.refused('UNAVAILABLE', write());
    await nothingChanged(bench, set);
  },

  'nothing is written for a caller that has gone': async (bench) => {
    const set = await scene(bench);
    const gone = () => bench.call({ signal: AbortSignal.abort() });
    for (const write of Object.values(writes(bench, bench.backend, set, gone)))
      await bench.refused('UNAVAILABLE', write());
    await nothingChanged(bench, set);
  },

  'a stage whose answer was lost is repeated without harm': async (bench) => {
    const { backend, lost } = await bench.subject.losingNextAnswer();
    const made = bench.make();
    await twice(bench, lost, () => backend.stage(bench.place, made.envelope, bench.call()));
    assert.deepEqual((await bench.backend.describe(bench.place, bench.call())).staged, [made.version]);
  },

  'a promote whose answer was lost is repeated without harm': async (bench) => {
    const { second, third } = await scene(bench);
    const { backend, lost } = await bench.subject.losingNextAnswer();
    const promotion = { version: third.version, epoch: 3, expected: second.version };
    await twice(bench, lost, () => backend.promote(bench.place, promotion, bench.call()));
    await bench.consumersRead(third, 3);
  },

  'a destroy whose answer was lost is repeated without harm': async (bench) => {
    const { first, second } = await scene(bench);
    const { backend, lost } = await bench.subject.losingNextAnswer();
    await twice(bench, lost, () => backend.destroy(bench.place, first.version, bench.call()));
    assert.equal(await bench.subject.copies(bench.place.path, first.version, first.value), 0);
    await bench.consumersRead(second, 2);
  },

  'probe succeeds where staging can, and leaves nothing behind': async (bench) => {
    await bench.backend.probe(bench.place, bench.call());
    await bench.backend.probe(bench.place, bench.call());
    const described = await bench.backend.describe(bench.place, bench.call());
    assert.deepEqual(described, { main: { kind: 'empty' }, staged: [] });
    assert.equal(await bench.subject.consumerReads(bench.place.path), undefined);
  },

  'probes at the same time do not disturb each other': async (bench) => {
    await Promise.all([1, 2, 3].map(() => bench.backend.probe(bench.place, bench.call())));
    assert.deepEqual((await bench.backend.describe(bench.place, bench.call())).staged, []);
  },
};
