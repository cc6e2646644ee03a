import assert from 'node:assert/strict';
import type { IssueRequest, LiveCredential } from '../../providers/provider.ts';
import type { Chapter } from './chapter.ts';
import { needed, rejects, sameValue } from './harness.ts';
import { watchValue } from './canaries.ts';
import type { Bench, Made } from './harness.ts';

/** Third failure: a retry mints a second credential that nobody knows. */
export function minting<Settings>(chapter: Chapter<Settings>): void {
  if (chapter.provider.issue === undefined) return;

  chapter.test('an issued version is accepted', async (bench) => {
    const made = await bench.make();
    assert.equal(await bench.verdictOf(made.material), 'accepted');
    assert.deepEqual([...made.material.fieldNames()].sort(), [...bench.provider.material.fields].sort());
    assert.equal(made.material.valueFieldName(), bench.provider.material.value);
  });

  chapter.test('list shows an issued version, with its tag where the target has tags', async (bench) => {
    const made = await bench.make();
    const listed = needed(await bench.findLive(made.ref), 'the issued version in the list');
    assert.equal(listed.disabled, false);
    const tag = bench.traits.tagged ? { installation: bench.target.installation, version: made.version } : undefined;
    assert.deepEqual(listed.tag, tag);
  });

  if (chapter.traits.topology !== 'single-slot') {
    chapter.test('two versions are accepted side by side', async (bench) => {
      const first = await bench.make();
      const second = await bench.make(bench.version(), [first.ref]);
      assert.equal(await bench.verdictOf(first.material), 'accepted');
      assert.equal(await bench.verdictOf(second.material), 'accepted');
      assert.ok(!sameValue(first.material, second.material), 'two versions need two values');
    });
  }

  if (chapter.traits.createIdempotency !== 'list-diff') {
    chapter.test('the same version id again leaves exactly one live credential', async (bench) => {
      const { request, made: first } = await issueOnce(bench);
      const again = await issueAgain(bench, request);
      assert.equal((await liveOf(bench, first)).length, 1, 'one version, one live credential');
      await bench.expectVerdict(again.material, 'accepted', bench.traits.createSpread);
      if (!sameValue(again.material, first.material)) {
        await bench.expectVerdict(first.material, 'refused', bench.traits.revokeSpread);
      }
    });
  }

  if (chapter.traits.createIdempotency === 'list-diff') {
    chapter.test('without tags a created credential is what the list did not show before', async (bench) => {
      const before = new Set((await bench.preflight(bench.version())).live);
      const made = await bench.make();
      const fresh = (await bench.live()).filter((one) => !before.has(one.ref.id));
      assert.deepEqual(
        fresh.map((one) => one.ref.id),
        [made.ref.id],
      );
    });
  }

  chapter.test('nothing is issued after the deadline', async (bench) => {
    const request = await bench.plan(bench.version());
    const late = bench.call({ deadline: bench.call().now() - 1 });
    await rejects('issue after its deadline', issue(bench, request, late), 'UNAVAILABLE');
    assert.deepEqual(await bench.live(), []);
  });

  chapter.test('nothing is issued by a call that was given up', async (bench) => {
    const request = await bench.plan(bench.version());
    await rejects(
      'issue that was given up',
      issue(bench, request, bench.call({ signal: AbortSignal.abort() })),
      'UNAVAILABLE',
    );
    assert.deepEqual(await bench.live(), []);
  });

  if (chapter.options.loseAnswer !== undefined) {
    chapter.test(
      'an issue whose answer was lost is AMBIGUOUS, and the retry leaves one live credential',
      async (bench) => {
        const request = await bench.plan(bench.version());
        await bench.options.loseAnswer?.(bench.target);
        await rejects('issue without an answer', issue(bench, request, bench.call()), 'AMBIGUOUS');
        assert.equal((await bench.live()).length, 1, 'the effect happened');
        if (bench.traits.createIdempotency === 'list-diff') return;
        const again = await issueAgain(bench, request);
        assert.equal((await bench.live()).length, 1, 'one version, one live credential');
        await bench.expectVerdict(again.material, 'accepted', bench.traits.createSpread);
      },
    );
  }

  if (chapter.provider.generate === undefined) return;

  chapter.test(
    'generate makes a new value each time from the randomness it is given, and nothing at the provider',
    async (bench) => {
      const version = bench.version();
      const { place } = await bench.preflight(version);
      const generate = needed(bench.provider.generate?.bind(bench.provider), 'generate');
      const from = (byte: number) =>
        generate(bench.target, { version, place, random: (bytes) => new Uint8Array(bytes).fill(byte) });
      assert.ok(sameValue(from(1).material, from(1).material), 'the same randomness gives the same value');
      assert.ok(!sameValue(from(1).material, from(2).material), 'the value must come from the randomness');
      assert.ok(from(1).material.revealValue().length >= 22, 'a value needs at least 128 bits');
      assert.deepEqual(from(1).ref, from(2).ref);
      assert.deepEqual(await bench.live(), []);
    },
  );

  chapter.test('only the generated value is ever set, under the generated ref', async (bench) => {
    const { request, made } = await issueOnce(bench);
    const generated = needed(request.generated, 'the generated material');
    assert.deepEqual(made.ref, generated.ref);
    assert.ok(sameValue(made.material, generated.material), 'issue must set the generated value');
    await issueAgain(bench, request);
    await bench.expectVerdict(generated.material, 'accepted', bench.traits.createSpread);
  });

  chapter.test(
    'two issuers of one version at once end with one live credential that has the generated value',
    async (bench) => {
      const request = await bench.plan(bench.version());
      const both = await Promise.allSettled([issue(bench, request, bench.call()), issue(bench, request, bench.call())]);
      assert.ok(
        both.some((one) => one.status === 'fulfilled'),
        'at least one issuer succeeds',
      );
      assert.equal((await bench.live()).length, 1);
      await bench.expectVerdict(
        needed(request.generated, 'the generated material').material,
        'accepted',
        bench.traits.createSpread,
      );
    },
  );

  chapter.test('a late issue of a revoked version is CONFLICT and does nothing', async (bench) => {
    const { request, made } = await issueOnce(bench);
    await bench.provider.revoke(bench.target, made.ref, bench.call());
    await rejects('issue of a revoked version', issue(bench, request, bench.call()), 'CONFLICT');
    await bench.expectVerdict(made.material, 'refused', bench.traits.revokeSpread);
    assert.deepEqual(await bench.live(), []);
  });
}

async function issueOnce<Settings>(
  bench: Bench<Settings>,
): Promise<{ readonly request: IssueRequest; readonly made: Made }> {
  const version = bench.version();
  const request = await bench.plan(version);
  const issued = await issue(bench, request, bench.call());
  watchValue(issued.material);
  await bench.expectVerdict(issued.material, 'accepted', bench.traits.createSpread);
  return { request, made: { ...issued, version } };
}

/** As a retry would, from a fresh adapter. */
async function issueAgain<Settings>(bench: Bench<Settings>, request: IssueRequest): ReturnType<typeof issue> {
  const again = await issue({ ...bench, provider: bench.options.create() }, request, bench.call());
  watchValue(again.material);
  return again;
}

function issue<Settings>(bench: Bench<Settings>, request: IssueRequest, call: ReturnType<Bench<Settings>['call']>) {
  return needed(bench.provider.issue?.(bench.target, request, call), 'issue');
}

async function liveOf<Settings>(bench: Bench<Settings>, made: Made): Promise<readonly LiveCredential[]> {
  const live = await bench.live();
  return bench.traits.tagged ? live.filter((one) => one.tag?.version === made.version) : live;
}
