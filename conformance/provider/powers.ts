import assert from 'node:assert/strict';
import type { Chapter } from './chapter.ts';
import { credential, rejects, sameValue, tamperedMaterial } from './harness.ts';
import { assertClean, watchValue } from './canaries.ts';

/** The optional operations: whatever is there must keep its word. */
export function powers<Settings>(chapter: Chapter<Settings>): void {
  suspension(chapter);
  signals(chapter);
  values(chapter);
  adoption(chapter);
}

function suspension<Settings>({ provider, traits, test }: Chapter<Settings>): void {
  if (provider.suspend === undefined || provider.resume === undefined) return;
  const suspend = provider.suspend.bind(provider);
  const resume = provider.resume.bind(provider);

  test('a suspended version is refused and listed as disabled; resumed it is accepted again', async (bench) => {
    const made = await bench.make();
    await suspend(bench.target, made.ref, bench.call());
    await bench.expectVerdict(made.material, 'refused', bench.traits.revokeSpread);
    assert.equal((await bench.findLive(made.ref))?.disabled, true, 'a suspended version is listed with `disabled`');
    await resume(bench.target, made.ref, bench.call());
    await bench.expectVerdict(made.material, 'accepted', bench.traits.createSpread);
    assert.equal((await bench.findLive(made.ref))?.disabled, false);
  });

  test('suspending twice and resuming twice is success', async (bench) => {
    const made = await bench.make();
    await suspend(bench.target, made.ref, bench.call());
    await suspend(bench.target, made.ref, bench.call());
    await resume(bench.target, made.ref, bench.call());
    await resume(bench.target, made.ref, bench.call());
    await bench.expectVerdict(made.material, 'accepted', bench.traits.createSpread);
  });

  test('a suspended version can be revoked', async (bench) => {
    const made = await bench.make();
    await suspend(bench.target, made.ref, bench.call());
    await bench.provider.revoke(bench.target, made.ref, bench.call());
    await bench.expectVerdict(made.material, 'refused', bench.traits.revokeSpread);
    const left = await bench.findLive(made.ref);
    assert.equal(left, undefined, 'revoked for ever is not listed as suspended');
  });

  test('resuming a revoked version throws and brings nothing back', async (bench) => {
    const made = await bench.make();
    await bench.provider.revoke(bench.target, made.ref, bench.call());
    await rejects(
      'resume of a revoked version',
      resume(bench.target, made.ref, bench.call()),
      'CONFLICT',
      'NOT_FOUND',
      'INVALID_CONFIG',
      'UNSUPPORTED',
    );
    await bench.expectVerdict(made.material, 'refused', bench.traits.revokeSpread);
  });

  test('nothing is suspended or resumed after the deadline', async (bench) => {
    const made = await bench.make();
    const late = () => bench.call({ deadline: bench.call().now() - 1 });
    await rejects('suspend after its deadline', suspend(bench.target, made.ref, late()), 'UNAVAILABLE');
    assert.equal(await bench.verdictOf(made.material), 'accepted');
    await suspend(bench.target, made.ref, bench.call());
    await rejects('resume after its deadline', resume(bench.target, made.ref, late()), 'UNAVAILABLE');
    await bench.expectVerdict(made.material, 'refused', bench.traits.revokeSpread);
  });

  if (traits.topology === 'dual-slot') {
    test('slots: suspending an old generation leaves the new tenant alive', async (bench) => {
      const other = await bench.make();
      const old = await bench.make(bench.version(), [other.ref]);
      await bench.provider.revoke(bench.target, old.ref, bench.call());
      const tenant = await bench.make(bench.version(), [other.ref], [old.ref]);
      await suspend(bench.target, old.ref, bench.call());
      assert.equal(await bench.verdictOf(tenant.material), 'accepted');
    });
  }
}

function signals<Settings>({ provider, options, test }: Chapter<Settings>): void {
  if (provider.usage !== undefined) {
    const usage = provider.usage.bind(provider);

    test('usage gives the kind of reading that the traits declare', async (bench) => {
      const made = await bench.make();
      const reading = await usage(bench.target, made.ref, bench.call());
      assert.equal(reading.kind, bench.traits.usage?.kind);
      if (reading.kind === 'sample') assert.equal(typeof reading.sessions, 'number');
      if (reading.kind === 'counter') assert.equal(typeof reading.count, 'number');
    });

    test('usage of a revoked version throws, or still tells its last use; it never says unused', async (bench) => {
      const made = await bench.make();
      await bench.verdictOf(made.material);
      await bench.provider.revoke(bench.target, made.ref, bench.call());
      const answer = await usage(bench.target, made.ref, bench.call()).catch((error: unknown) => error);
      assertClean(answer, 'the usage of a revoked version');
      assert.ok(
        answer instanceof Error || 'lastUsedAt' in Object(answer) || 'count' in Object(answer),
        'gone is not unused',
      );
    });

    if (options.use !== undefined) {
      test('a use by a consumer is seen within the declared lag', async (bench) => {
        const made = await bench.make();
        const before = await usage(bench.target, made.ref, bench.call());
        const clock = options.clock ?? {
          now: () => Date.now(),
          pause: (milliseconds: number) => new Promise<void>((done) => setTimeout(done, milliseconds)),
        };
        const usedAt = clock.now();
        await options.use?.(bench.target, made.material);
        await clock.pause(bench.traits.usage?.lag ?? 0);
        const after = await usage(bench.target, made.ref, bench.call());
        if (after.kind === 'sample')
          assert.ok((after.sessions ?? 0) > (before.sessions ?? 0), 'an open session must be seen');
        if (after.kind === 'counter') assert.ok((after.count ?? 0) > (before.count ?? 0), 'a use must be counted');
        // Vendors round to seconds; a minute is the coarsest clock difference that is no lie.
        if (after.kind === 'timestamp')
          assert.ok((after.lastUsedAt ?? 0) >= usedAt - 60_000, 'a use must move lastUsedAt');
      });
    }
  }

  if (provider.endSessions === undefined || options.use === undefined) return;
  const endSessions = provider.endSessions.bind(provider);
  const use = options.use.bind(options);

  test('endSessions ends what a version holds open, and none open is success', async (bench) => {
    const made = await bench.make();
    const session = await use(bench.target, made.material);
    assert.equal(await session.isOpen(), true);
    await endSessions(bench.target, made.ref, bench.call());
    await endSessions(bench.target, made.ref, bench.call());
    assert.equal(await session.isOpen(), false);
    assert.equal(await bench.verdictOf(made.material), 'accepted', 'ending sessions is no revoke');
  });

  test('revoke ends what the version holds open', async (bench) => {
    const made = await bench.make();
    const session = await use(bench.target, made.material);
    await bench.provider.revoke(bench.target, made.ref, bench.call());
    assert.equal(await session.isOpen(), false);
  });
}

function values<Settings>({ provider, test }: Chapter<Settings>): void {
  if (provider.recover !== undefined) {
    const recover = provider.recover.bind(provider);
    test('recover shows the same value again, and NOT_FOUND once it is gone', async (bench) => {
      const made = await bench.make();
      const shown = await recover(bench.target, made.ref, bench.call());
      assert.ok(sameValue(shown, made.material), 'recover must show the value that was issued');
      await bench.provider.revoke(bench.target, made.ref, bench.call());
      await rejects('recover of a revoked version', recover(bench.target, made.ref, bench.call()), 'NOT_FOUND');
    });
  }

  if (provider.extend !== undefined) {
    const extend = provider.extend.bind(provider);
    test('extend moves the expiry and leaves the version alive', async (bench) => {
      assert.equal(bench.traits.expiry, true);
      const made = await bench.make();
      await extend(bench.target, made.ref, bench.call().now() + 30 * 86_400_000, bench.call());
      assert.equal(await bench.verdictOf(made.material), 'accepted');
    });
  }
}

function adoption<Settings>({ provider, options, test }: Chapter<Settings>): void {
  if (provider.adopt === undefined || options.supply === undefined) return;
  const adopt = provider.adopt.bind(provider);
  const supply = options.supply.bind(options);

  test('adopt finds the one key that was supplied and tags it; again is success', async (bench) => {
    const material = await supply(bench.target);
    watchValue(material);
    const request = { credential, version: bench.version(), material, known: [] };
    const first = await adopt(bench.target, request, bench.call());
    const again = await adopt(bench.target, request, bench.call());
    assert.deepEqual(again.ref, first.ref);
    const tag = bench.traits.tagged ? { installation: bench.target.installation, version: request.version } : undefined;
    assert.deepEqual((await bench.findLive(first.ref))?.tag, tag);
    assert.equal(await bench.verdictOf(material), 'accepted');
  });

  test('adopt refuses a key that is known already, and leaves it alive', async (bench) => {
    const made = await supplied(bench.target);
    const first = await adopt(
      bench.target,
      { credential, version: bench.version(), material: made, known: [] },
      bench.call(),
    );
    const second = { credential, version: bench.version(), material: made, known: [first.ref] };
    await rejects('adopt of a known key', adopt(bench.target, second, bench.call()), 'VERIFICATION_FAILED', 'CONFLICT');
    assert.equal(await bench.verdictOf(made), 'accepted');
  });

  test('adopt refuses a value that belongs to no key', async (bench) => {
    const never = tamperedMaterial(await supplied(bench.target));
    watchValue(never);
    const request = { credential, version: bench.version(), material: never, known: [] };
    await rejects('adopt of an unknown value', adopt(bench.target, request, bench.call()), 'VERIFICATION_FAILED');
  });

  const examine = provider.examine?.bind(provider);
  if (examine !== undefined) {
    test('examine lets a value pass that adopt takes, refuses one that is known, and changes nothing', async (bench) => {
      const material = await supplied(bench.target);
      const before = await bench.live();
      const version = bench.version();
      await examine(bench.target, { version: undefined, material, known: [] }, bench.call());
      assert.deepEqual(await bench.live(), before);
      const { ref } = await adopt(bench.target, { credential, version, material, known: [] }, bench.call());
      await examine(bench.target, { version, material, known: [] }, bench.call());
      const known = { version: undefined, material, known: [ref] };
      await rejects('examine of a known key', examine(bench.target, known, bench.call()), 'VERIFICATION_FAILED');
      assert.equal(await bench.verdictOf(material), 'accepted');
    });
  }

  async function supplied(target: Parameters<typeof supply>[0]) {
    const material = await supply(target);
    watchValue(material);
    return material;
  }
}
