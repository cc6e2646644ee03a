import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../control/http-api/world.ts';
import { openSourceHarness } from './source-harness.ts';
import type { SourceHarness } from './source-harness.ts';
import type { Store } from './stores.ts';

export interface Behaviour {
  /** Does the store show a version that was current before to a process that never held it, and if not, why? */
  readonly earlier: 'shown' | 'NOT_FOUND' | 'ACCESS_DENIED';
  /** Why it cannot run here. */
  readonly missing?: string | undefined;
}

/** What a consumer may rely on, whatever store it reads from. */
export function sourceScenarios(open: () => Store, { earlier, missing }: Behaviour): void {
  let h: SourceHarness;
  let opened: SourceHarness | undefined;
  beforeEach(async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    h = opened = await openSourceHarness(open());
  });
  afterEach(async () => {
    await opened?.close();
    opened = undefined;
  });

  test('a version is read, used and proved, and so is the next one', async () => {
    const first = await h.rotate();
    const connection = h.start();
    expect(connection.proves).toBe(true);
    expect(await connection.use(h.work)).toBe(first.value);
    await until('it is proved', h.proved);
    const second = await h.rotate();
    await until('the second is held', async () => (await connection.secret()).version === second.version);
    expect(await h.missing()).toHaveLength(1);
    expect(await connection.use(h.work)).toBe(second.value);
    await until('the second is proved', h.proved);
    expect(h.world.wakes.length).toBeGreaterThan(0);
  });

  test('fields that are not of keybaton are there, and its own marks are not', async () => {
    const { version, epoch } = await h.rotate();
    const secret = await h.start().secret();
    expect([Object.keys(secret.fields).toSorted(), secret.version, secret.epoch]).toEqual([
      ['api_key', 'username'],
      version,
      epoch,
    ]);
  });

  test('when the current one is refused the previous one is used, and its evidence is withdrawn', async () => {
    const first = await h.rotate();
    const connection = h.start();
    await connection.use(h.work);
    const second = await h.rotate();
    await until('the second is used', async () => (await connection.use(h.work)) === second.value);
    await until('it is proved', h.proved);
    h.accepts.delete(second.value);
    expect(await connection.use(h.work)).toBe(first.value);
    expect(await h.missing()).toMatchObject([{ instance: 'web-0', why: 'withdrawn' }]);
  });

  test('a compromised version is never fallen back to', async () => {
    const first = await h.rotate();
    const connection = h.start();
    await connection.use(h.work);
    const second = await h.rotate();
    await until('the second is held', async () => (await connection.secret()).version === second.version);
    await h.leak(first.version);
    h.accepts.delete(second.value);
    const tried: string[] = [];
    const using = connection.use((fields) => {
      tried.push(fields['api_key'] ?? '');
      return h.work(fields);
    });
    await expect(using).rejects.toThrow('refused');
    expect(tried).toEqual([second.value]);
    await expect(connection.previous()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test(`a process that never held the previous version ${earlier === 'shown' ? 'finds it in the store' : 'has none'}`, async () => {
    const first = await h.rotate();
    await h.rotate();
    const previous = h.start().previous();
    if (earlier === 'shown') expect((await previous).version).toBe(first.version);
    else await expect(previous).rejects.toMatchObject({ code: earlier });
  });

  test('without keybaton it reads and uses, says that nothing is proved, and falls back to nothing', async () => {
    await h.rotate();
    const connection = h.start({ url: undefined, token: undefined });
    expect(connection.proves).toBe(false);
    expect(h.problems).toMatchObject([{ code: 'UNPROVED' }]);
    const before = await connection.use(h.work);
    const second = await h.rotate();
    await until('a refusal or a later look finds the second', async () => {
      h.accepts.delete(before);
      return (await connection.use(h.work)) === second.value;
    });
    expect(await h.missing()).toMatchObject([{ why: 'no instance seen' }]);
    h.accepts.clear();
    h.accepts.add(before);
    await expect(connection.use(h.work)).rejects.toThrow('refused');
    await connection.leave();
  });
}
