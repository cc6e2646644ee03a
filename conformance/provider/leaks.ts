import assert from 'node:assert/strict';
import { withOutputHeld } from '../backend/output.ts';
import { assertClean } from './canaries.ts';
import type { Chapter } from './chapter.ts';
import { rejects } from './harness.ts';

/** Fifth failure: a secret in an error, a log or a record. `rejects` searches every error that the other chapters provoke. */
export function leaks<Settings>(chapter: Chapter<Settings>): void {
  chapter.test('refs, baselines, lists and hints hold no secret', async (bench) => {
    const made = await bench.make();
    assertClean(made.ref, 'the ref');
    assertClean(await bench.preflight(bench.version(), [made.ref]), 'the baseline');
    assertClean(await bench.live(), 'the list');
    if (bench.provider.usage !== undefined) {
      assertClean(await bench.provider.usage(bench.target, made.ref, bench.call()), 'the usage');
    }
  });

  chapter.test('the text for the person at 3 a.m. names the key and holds no secret', async (bench) => {
    const made = await bench.make();
    const text = bench.provider.killByHand(bench.target, made.ref);
    assert.ok(text.includes(made.ref.id), 'the text must name the key');
    assertClean(text, 'killByHand');
  });

  chapter.test('nothing is printed, in success or in failure', async (bench) => {
    const { output, thrown } = await withOutputHeld(async () => {
      const made = await bench.make();
      const away = bench.options.unreachable(bench.target);
      await rejects(
        'verify at an unreachable provider',
        bench.provider.verify(away, made.material, bench.call()),
        'UNAVAILABLE',
      );
      const revoking = bench.provider.revoke(bench.target, made.ref, bench.call());
      await (bench.traits.lists === false
        ? rejects('revoke where only people kill', revoking, 'UNSUPPORTED')
        : revoking);
    });
    assertClean(output, 'what was printed');
    assert.ifError(thrown);
  });
}
