import assert from 'node:assert/strict';
import { KeybatonError } from '../../domain/errors.ts';
import type { Call, Target } from '../../providers/provider.ts';
import { watchValue } from './canaries.ts';
import type { Chapter } from './chapter.ts';
import { credential, inTime, needed, rejects, tamperedMaterial, wrongAdmin } from './harness.ts';
import type { Bench, Made } from './harness.ts';

/** First failure of rotation systems: trouble is read as "absent", "refused" or "unused". */
export function errorIsNotAbsence<Settings>(chapter: Chapter<Settings>): void {
  chapter.test('a wrong admin credential is ACCESS_DENIED in every operation, never an answer', async (bench) => {
    const made = await bench.make();
    for (const [name, ask] of adminOperations(bench, wrongAdmin(bench.target), made)) {
      await rejects(`${name} with a wrong admin credential`, ask(), 'ACCESS_DENIED');
    }
    await bench.expectVerdict(made.material, 'accepted', bench.traits.createSpread);
  });

  chapter.test('an admin reference that is not found is that error, never "already gone"', async (bench) => {
    const made = await bench.make();
    const lost: Target<Settings> = {
      ...bench.target,
      admin: () => Promise.reject(new KeybatonError('NOT_FOUND', 'env:GONE is not set')),
    };
    for (const [name, ask] of adminOperations(bench, lost, made)) {
      await rejects(`${name} without an admin credential`, ask(), 'NOT_FOUND');
    }
    await bench.expectVerdict(made.material, 'accepted', bench.traits.createSpread);
  });

  chapter.test('an unreachable provider is UNAVAILABLE in every operation, never an answer', async (bench) => {
    const made = await bench.make();
    const away = bench.options.unreachable(bench.target);
    for (const [name, ask] of adminOperations(bench, away, made)) {
      await rejects(`${name} at an unreachable provider`, ask(), 'UNAVAILABLE');
    }
    const verify = bench.provider.verify(away, made.material, bench.call());
    await rejects('verify at an unreachable provider', verify, 'UNAVAILABLE');
  });

  chapter.test('a value that nobody issued is refused', async (bench) => {
    const made = await bench.make();
    const never = tamperedMaterial(made.material);
    watchValue(never);
    assert.equal(await bench.verdictOf(never), 'refused');
  });

  if (chapter.options.silent === undefined) return;

  chapter.test('a provider that never answers is given up at the deadline', async (bench) => {
    await givesUp(bench, () => bench.call({ deadline: bench.call().now() + 300 }));
  });

  chapter.test('a provider that never answers is given up when the caller gives up', async (bench) => {
    await givesUp(bench, () =>
      bench.call({ signal: AbortSignal.timeout(200), deadline: bench.call().now() + 3_600_000 }),
    );
  });
}

async function givesUp<Settings>(bench: Bench<Settings>, call: () => Call): Promise<void> {
  const { provider } = bench;
  const made = await bench.make();
  const silent = await needed(bench.options.silent?.(bench.target), 'silent');
  const bounded = (doing: Promise<unknown>): Promise<unknown> => inTime(doing, bench.options.patience);
  await rejects('list at a silent provider', bounded(provider.list(silent, call())), 'UNAVAILABLE');
  await rejects('verify at a silent provider', bounded(provider.verify(silent, made.material, call())), 'UNAVAILABLE');
  await rejects(
    'revoke at a silent provider',
    bounded(provider.revoke(silent, made.ref, call())),
    'UNAVAILABLE',
    'AMBIGUOUS',
  );
}

/** Every operation that needs the admin credential, over one target; what would kill the version comes last. */
function adminOperations<Settings>(
  bench: Bench<Settings>,
  target: Target<Settings>,
  made: Made,
): readonly (readonly [string, () => Promise<unknown>])[] {
  const { provider } = bench;
  const call = () => bench.call();
  const version = bench.version();
  const adoption = { credential, version: made.version, material: made.material, known: [] };
  const operations: readonly (readonly [string, boolean, () => Promise<unknown> | undefined])[] = [
    ['preflight', true, () => provider.preflight(target, { credential, version, keep: [made.ref], free: [] }, call())],
    ['list', true, () => provider.list(target, call())],
    ['issue', 'issue' in provider, async () => provider.issue?.(target, await bench.plan(version, [made.ref]), call())],
    ['adopt', 'adopt' in provider, () => provider.adopt?.(target, adoption, call())],
    ['recover', 'recover' in provider, () => provider.recover?.(target, made.ref, call())],
    ['usage', 'usage' in provider, () => provider.usage?.(target, made.ref, call())],
    ['resume', 'resume' in provider, () => provider.resume?.(target, made.ref, call())],
    ['extend', 'extend' in provider, () => provider.extend?.(target, made.ref, call().now() + 86_400_000, call())],
    ['endSessions', 'endSessions' in provider, () => provider.endSessions?.(target, made.ref, call())],
    ['suspend', 'suspend' in provider, () => provider.suspend?.(target, made.ref, call())],
    ['revoke', true, () => provider.revoke(target, made.ref, call())],
  ];
  return operations.filter(([, there]) => there).map(([name, , ask]) => [name, () => needed(ask(), name)] as const);
}
