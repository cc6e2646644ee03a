import { expect, test } from 'vitest';
import type { BackendCall, Walked } from '../../backends/backend.ts';
import { readAll, seen, walkedEntry } from '../../backends/walking.ts';
import { walkEngine } from '../../backends/vault-kv/walk-engine.ts';
import { KeybatonError } from '../../domain/errors.ts';

const call = (signal = new AbortController().signal): BackendCall => ({ signal, deadline: Infinity, now: () => 0 });
const names = Array.from({ length: 50 }, (_, n) => `name-${n}`);
const limited = () => new KeybatonError('RATE_LIMITED', 'too many calls', { retryAfter: 1 });

async function all(walk: AsyncIterable<Walked>): Promise<readonly Walked[]> {
  const found: Walked[] = [];
  for await (const one of walk) found.push(one);
  return found;
}
const paths = (found: readonly Walked[]) => found.map(({ kind, path }) => `${kind} ${path}`);

test('a few entries are read side by side, never all of them', async () => {
  let [now, most] = [0, 0];
  const found = await all(
    readAll(names, async (name) => {
      most = Math.max(most, (now += 1));
      await Promise.resolve();
      now -= 1;
      return walkedEntry(name, { key: name }, undefined);
    }),
  );
  expect(found).toHaveLength(50);
  expect(most).toBe(8);
});

test('a store that limits the rate is asked again, and then it is told', async () => {
  let asked = 0;
  const answered = await seen('a', call(), async () => {
    asked += 1;
    if (asked < 3) throw limited();
    return 'answer';
  });
  expect(answered).toEqual({ answer: 'answer' });
  const never = await seen('a', call(), () => Promise.reject(limited()));
  expect(never).toMatchObject({ kind: 'unseen', path: 'a', trouble: { code: 'RATE_LIMITED' } });
});

test('a store that does not answer any more is left alone, and what was not asked for is told', async () => {
  let asked = 0;
  const down = () => Promise.reject(new KeybatonError('UNAVAILABLE', 'no answer'));
  const found = await all(
    readAll(names, async (name) => {
      asked += 1;
      const answer = await seen(name, call(), down);
      return 'kind' in answer ? answer : undefined;
    }),
  );
  expect(asked).toBe(16);
  expect(found.at(-1)).toMatchObject({ kind: 'unseen', path: 'name-16', trouble: { code: 'UNAVAILABLE' } });
  expect(found.at(-1)).toMatchObject({ trouble: { message: expect.stringContaining('34 more') } });
});

test('a walk that is stopped ends with an error, and is no answer', async () => {
  const stop = new AbortController();
  stop.abort();
  const asked = seen('a', call(stop.signal), () => Promise.reject(new KeybatonError('UNAVAILABLE', 'cancelled')));
  await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('a folder that may not be listed leaves the others; the staging folder is not walked', async () => {
  const folders: Readonly<Record<string, readonly string[]>> = {
    '': ['a', 'open/', 'closed/', 'staging/'],
    'open/': ['b', 'gone'],
    'staging/': ['never'],
  };
  const engine = {
    list: async (path: string) => folders[path] ?? Promise.reject(new KeybatonError('ACCESS_DENIED', 'denied')),
    read: async (path: string) =>
      path.endsWith('gone')
        ? ({ kind: 'taken-away', latest: 1 } as const)
        : ({ kind: 'found', latest: 1, fields: { key: 'k', n: 1 }, writtenAt: 7 } as const),
  };
  const found = await all(walkEngine(engine, { below: undefined, stagingPrefix: 'staging' }, call()));
  expect(paths(found)).toEqual(['entry a', 'entry open/b', 'unseen closed/']);
  expect(found[0]).toMatchObject({ writtenAt: 7, ours: false });
  const below = await all(walkEngine(engine, { below: 'open/', stagingPrefix: 'staging' }, call()));
  expect(paths(below)).toEqual(['entry open', 'entry open/b']);
});

test('what carries the mark of keybaton is ours, and the mark is no text', () => {
  const entry = walkedEntry('a', { api_key: 'k', keybaton_version: 'kb1', keybaton_epoch: '2' }, Number.NaN);
  expect(entry).toMatchObject({ ours: true, writtenAt: undefined });
  expect(entry.kind === 'entry' && Object.keys(entry.texts)).toEqual(['api_key']);
});
