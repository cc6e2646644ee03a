import assert from 'node:assert/strict';
import type { Chapter } from './chapter.ts';
import { rejects } from './harness.ts';

/** Second failure: a revocation is forgotten, incomplete, or kills the wrong thing. */
export function revocation<Settings>(chapter: Chapter<Settings>): void {
  const slots = chapter.traits.topology === 'dual-slot';

  if (chapter.traits.lists === false) {
    chapter.test('where only people kill, revoke is UNSUPPORTED and changes nothing', async (bench) => {
      const made = await bench.make();
      const doing = bench.provider.revoke(bench.target, made.ref, bench.call());
      await rejects('revoke where only people kill', doing, 'UNSUPPORTED');
      assert.equal(await bench.verdictOf(made.material), 'accepted');
    });
    return;
  }

  chapter.test('a revoked version is refused and no longer listed as live', async (bench) => {
    const made = await bench.make();
    await bench.provider.revoke(bench.target, made.ref, bench.call());
    await bench.expectVerdict(made.material, 'refused', bench.traits.revokeSpread);
    const left = await bench.findLive(made.ref);
    assert.ok(left === undefined || left.disabled, 'list must omit a revoked version, or say that it is disabled');
  });

  chapter.test('revoking twice is success', async (bench) => {
    const made = await bench.make();
    await bench.provider.revoke(bench.target, made.ref, bench.call());
    await bench.provider.revoke(bench.target, made.ref, bench.call());
    await bench.expectVerdict(made.material, 'refused', bench.traits.revokeSpread);
  });

  chapter.test('revoking needs only a ref that went through JSON', async (bench) => {
    const made = await bench.make();
    // The ref is plain JSON by contract; the test is that nothing else is needed.
    const ref = JSON.parse(JSON.stringify(made.ref)) as typeof made.ref;
    assert.deepEqual(ref, made.ref);
    await chapter.options.create().revoke(bench.target, ref, bench.call());
    await bench.expectVerdict(made.material, 'refused', bench.traits.revokeSpread);
  });

  if (chapter.provider.issue !== undefined && chapter.traits.topology !== 'single-slot') {
    chapter.test('revoking one version leaves the other alive', async (bench) => {
      const first = await bench.make();
      const second = await bench.make(bench.version(), [first.ref]);
      await bench.provider.revoke(bench.target, first.ref, bench.call());
      await bench.expectVerdict(first.material, 'refused', bench.traits.revokeSpread);
      assert.equal(await bench.verdictOf(second.material), 'accepted');
      assert.ok(await bench.findLive(second.ref), 'the survivor must still be listed');
    });
  }

  if (!slots && chapter.provider.issue !== undefined && chapter.traits.topology !== 'single-slot') {
    chapter.test('what is issued after a revocation gets an id of its own', async (bench) => {
      const first = await bench.make();
      const second = await bench.make(bench.version(), [first.ref]);
      await bench.provider.revoke(bench.target, first.ref, bench.call());
      await bench.expectVerdict(first.material, 'refused', bench.traits.revokeSpread);
      const third = await bench.make(bench.version(), [second.ref]);
      // Whoever kills the second one later would kill the third with it.
      assert.equal(new Set([first, second, third].map(({ ref }) => ref.id)).size, 3, 'an id was given twice');
      for (const { material } of [second, third]) assert.equal(await bench.verdictOf(material), 'accepted');
    });
  }

  if (!slots) {
    chapter.test('revoking what the provider never had is success', async (bench) => {
      const made = await bench.make();
      const unknown = bench.options.unknownRef?.(made.ref) ?? { ...made.ref, id: `${made.ref.id}x` };
      await bench.provider.revoke(bench.target, unknown, bench.call());
      await bench.expectVerdict(made.material, 'accepted', bench.traits.createSpread);
    });
  }

  chapter.test('nothing is revoked after the deadline', async (bench) => {
    const made = await bench.make();
    const late = bench.call({ deadline: bench.call().now() - 1 });
    await rejects('revoke after its deadline', bench.provider.revoke(bench.target, made.ref, late), 'UNAVAILABLE');
    assert.equal(await bench.verdictOf(made.material), 'accepted');
  });

  chapter.test('nothing is revoked by a call that was given up', async (bench) => {
    const made = await bench.make();
    const givenUp = bench.call({ signal: AbortSignal.abort() });
    await rejects('revoke that was given up', bench.provider.revoke(bench.target, made.ref, givenUp), 'UNAVAILABLE');
    assert.equal(await bench.verdictOf(made.material), 'accepted');
  });

  if (slots) {
    chapter.test('slots: revoking an old generation leaves the new tenant of its slot alive', async (bench) => {
      const other = await bench.make();
      const old = await bench.make(bench.version(), [other.ref]);
      await bench.provider.revoke(bench.target, old.ref, bench.call());
      const tenant = await bench.make(bench.version(), [other.ref], [old.ref]);
      assert.equal(tenant.ref.id, old.ref.id, 'the freed slot must be used again');
      await bench.provider.revoke(bench.target, old.ref, bench.call());
      assert.equal(await bench.verdictOf(tenant.material), 'accepted');
      assert.ok(await bench.findLive(tenant.ref), 'the new tenant must still be listed');
    });

    chapter.test('slots: a slot of another installation is CONFLICT and stays alive', async (bench) => {
      const made = await bench.make();
      const stranger = { ...bench.target, installation: 'other0' };
      const claimed = { ...made.ref, mark: `other0:${made.version}` };
      await rejects(
        'revoke in a slot of another installation',
        bench.provider.revoke(stranger, claimed, bench.call()),
        'CONFLICT',
      );
      assert.equal(await bench.verdictOf(made.material), 'accepted');
    });
  }

  if (chapter.options.eraseMark !== undefined) {
    chapter.test('slots: a slot without any mark is CONFLICT: nobody can tell whose it is', async (bench) => {
      const made = await bench.make();
      await bench.options.eraseMark?.(bench.target, made.ref);
      await rejects(
        'revoke in a slot without a mark',
        bench.provider.revoke(bench.target, made.ref, bench.call()),
        'CONFLICT',
      );
      assert.equal(await bench.verdictOf(made.material), 'accepted');
    });

    chapter.test('slots: preflight refuses a slot that works without our mark', async (bench) => {
      const other = await bench.make();
      const unmarked = await bench.make(bench.version(), [other.ref]);
      await bench.options.eraseMark?.(bench.target, unmarked.ref);
      const plan = bench.preflight(bench.version(), [other.ref]);
      await rejects('preflight with an unmarked slot', plan, 'CONFLICT', 'INVALID_CONFIG');
    });
  }
}
