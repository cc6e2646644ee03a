import { appendFile, chmod, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openConsumerTokens } from '../../../control/access/consumer-tokens.ts';
import type { TokenRecord } from '../../../control/access/consumer-tokens.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';

const credential = parseCredentialId('in-memory/dev/app');
const other = parseCredentialId('in-memory/dev/other');
const token = (letter: string): string => `kbc_${letter.repeat(43)}`;
const record = (id: string): TokenRecord => ({
  id,
  credential,
  consumer: 'web',
  madeAt: 10,
  expiresAt: 1000,
  madeBy: 'os:t',
});

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keybaton-tokens-'));
  path = join(folder, 'home', 'consumer-tokens.jsonl');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a token is found for its credential and consumer, and only its hash is kept', async () => {
  const tokens = openConsumerTokens(path);
  await tokens.add(record('t1'), token('a'));
  expect(await tokens.verify(token('a'), credential, 20)).toEqual(record('t1'));
  expect(await readFile(path, 'utf8')).not.toContain(token('a').slice(4));
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test.each([
  ['another token', token('b'), credential, 20],
  ['another credential', token('a'), other, 20],
  ['a token that has expired', token('a'), credential, 1000],
  ['a misshapen token', 'kbc_', credential, 20],
  ['no token', '', credential, 20],
])('%s is refused, all in the same words', async (_what, given, asked, now) => {
  const tokens = openConsumerTokens(path);
  await tokens.add(record('t1'), token('a'));
  await expect(tokens.verify(given, asked, now)).rejects.toMatchObject({
    code: 'ACCESS_DENIED',
    message: 'this token is not valid for this credential: make one with `keybaton token make`',
  });
});

test('what one process adds or revokes counts in another at the next request', async () => {
  const [one, two] = [openConsumerTokens(path), openConsumerTokens(path)];
  await expect(two.verify(token('a'), credential, 20)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  await one.add(record('t1'), token('a'));
  expect((await two.verify(token('a'), credential, 20)).id).toBe('t1');
  await two.revoke('t1', 'os:t', 30);
  await expect(one.verify(token('a'), credential, 40)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  await one.revoke('t1', 'os:t', 50);
  expect(await one.list()).toEqual([]);
  await expect(one.revoke('t9', 'os:t', 50)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('processes that add at once lose no token', async () => {
  const names = Array.from({ length: 24 }, (_, n) => String.fromCharCode(97 + n));
  await Promise.all(names.map((name) => openConsumerTokens(path).add(record(name), token(name))));
  const tokens = openConsumerTokens(path);
  for (const name of names) expect((await tokens.verify(token(name), credential, 20)).id).toBe(name);
});

test('a line torn by a crash is no token and swallows no later one', async () => {
  const tokens = openConsumerTokens(path);
  await tokens.add(record('t1'), token('a'));
  await appendFile(path, '{"token":"t2","hash":"00');
  await tokens.add(record('t3'), token('c'));
  expect((await tokens.list()).map(({ id }) => id)).toEqual(['t1', 't3']);
  expect((await tokens.verify(token('c'), credential, 20)).id).toBe('t3');
});

test('a file that others may read is refused', async () => {
  const tokens = openConsumerTokens(path);
  await tokens.add(record('t1'), token('a'));
  await chmod(path, 0o644);
  await expect(openConsumerTokens(path).verify(token('a'), credential, 20)).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
  });
  await expect(tokens.add(record('t2'), token('b'))).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
});
