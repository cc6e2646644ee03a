import assert from 'node:assert/strict';
import type { Ref } from '../../domain/facts.ts';
import type { Chapter } from './chapter.ts';
import { needed, rejects } from './harness.ts';

/** Fourth failure: an effect before it was certain that the rotation can go through. */
export function validation<Settings>(chapter: Chapter<Settings>): void {
  chapter.test('the traits are sane and agree with the operations', async ({ provider, traits, target }) => {
    for (const name of ['createSpread', 'revokeSpread', 'lateCreate', 'callTimeout'] as const) {
      assert.ok(Number.isFinite(traits[name]) && traits[name] >= 0, `${name} must be milliseconds`);
    }
    assert.ok(traits.callTimeout > 0 && traits.callTimeout < 20_000, 'callTimeout must be below 20 s');
    const supplied = traits.topology === 'operator-supplied';
    assert.equal(provider.issue === undefined, supplied, 'an adapter issues, or an operator supplies');
    assert.ok(!supplied || provider.adopt !== undefined, 'what an operator supplies must be adopted');
    assert.equal(provider.usage !== undefined, traits.usage !== undefined, 'usage and traits.usage go together');
    assert.equal(provider.suspend === undefined, provider.resume === undefined, 'suspend and resume: both or neither');
    assert.ok(
      traits.createIdempotency !== 'value-recoverable' || provider.recover !== undefined,
      'a recoverable value needs recover',
    );
    assert.ok(provider.material.fields.includes(provider.material.value), 'the value must be one of the fields');
    assert.deepEqual(provider.traits(target.settings), traits, 'traits depend on settings alone');
  });

  chapter.test('the settings schema takes the target and refuses a misspelt setting', async ({ provider, target }) => {
    assert.ok(provider.settingsSchema.safeParse(target.settings).success, 'the target of the kit must be valid');
    const misspelt = { ...target.settings, keybatonNeverHeardOfThis: 1 };
    assert.equal(
      provider.settingsSchema.safeParse(misspelt).success,
      false,
      'unknown settings must be refused, or typing errors stay unseen',
    );
  });

  chapter.test('preflight makes nothing and answers the same twice', async (bench) => {
    const version = bench.version();
    const before = await bench.live();
    const first = await bench.preflight(version);
    const second = await bench.preflight(version);
    assert.deepEqual(await bench.live(), before);
    assert.deepEqual({ ...first, at: 0 }, { ...second, at: 0 });
    assert.deepEqual(JSON.parse(JSON.stringify(first)), first, 'the baseline is plain JSON');
    assert.notEqual(first.place, '');
  });

  const lists = chapter.traits.lists !== false;
  chapter.test(
    lists ? 'the baseline names everything live' : 'nothing is said of what lives where nothing is listed',
    async (bench) => {
      const made = await bench.make();
      const baseline = await bench.preflight(bench.version(), [made.ref]);
      if (lists) assert.ok(baseline.live.includes(made.ref.id), 'a live version must be in the baseline');
      else assert.deepEqual([baseline.live, await bench.live()], [[], []]);
    },
  );

  const most = chapter.traits.maxLive;
  if (most !== undefined && most <= 10) {
    chapter.test('a full target is CAPACITY_EXHAUSTED before anything is made', async (bench) => {
      const kept: Ref[] = [];
      for (let count = 0; count < most; count += 1) kept.push((await bench.make(bench.version(), kept)).ref);
      const before = await bench.live();
      await rejects('preflight on a full target', bench.preflight(bench.version(), kept), 'CAPACITY_EXHAUSTED');
      assert.deepEqual(await bench.live(), before);
    });
  }

  if (chapter.traits.topology === 'dual-slot') {
    chapter.test('slots: a version that nobody proved dead blocks its slot', async (bench) => {
      const survivor = await bench.make();
      const doomed = await bench.make(bench.version(), [survivor.ref]);
      await rejects(
        'preflight beside a doomed tenant',
        bench.preflight(bench.version(), [survivor.ref]),
        'CAPACITY_EXHAUSTED',
      );
      assert.equal(await bench.verdictOf(doomed.material), 'accepted');
    });

    chapter.test(
      'slots: issue is CONFLICT when the slot is not as it was planned, and changes nothing',
      async (bench) => {
        const other = await bench.make();
        const late = await bench.plan(bench.version(), [other.ref]);
        const tenant = await bench.make(bench.version(), [other.ref]);
        assert.equal(tenant.ref.id, late.place);
        await rejects(
          'issue over another tenant',
          needed(bench.provider.issue?.(bench.target, late, bench.call()), 'issue'),
          'CONFLICT',
        );
        assert.equal(await bench.verdictOf(tenant.material), 'accepted');
      },
    );
  }
}
