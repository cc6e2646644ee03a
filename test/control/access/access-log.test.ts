import { existsSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openAccessLog } from '../../../control/access/access-log.ts';
import type { SecretRead } from '../../../control/access/access-log.ts';
import { appendDurably } from '../../../control/access/json-lines.ts';
import { parseCredentialId, parseVersionId } from '../../../domain/identifiers.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keybaton-access-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const read = (at: number): SecretRead => ({
  at,
  credential: parseCredentialId('in-memory/dev/app'),
  consumer: 'web',
  token: 't1',
  address: '127.0.0.1',
  which: 'current',
  version: parseVersionId(`kb${'a'.repeat(30)}`),
  epoch: 1,
});

const lines = async (path: string): Promise<unknown[]> =>
  (await readFile(path, 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { id, ...rest } = JSON.parse(line) as { id: string };
      expect(id).toMatch(/^[\w-]{12}-\d+$/);
      return rest;
    });

test('a reading is in the file when record returns', async () => {
  const path = join(folder, 'home', 'access.jsonl');
  const log = await openAccessLog(path);
  await log.record(read(1));
  expect(await lines(path)).toEqual([read(1)]);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await log.close();
});

test('many readings at once are all written, in order, each once', async () => {
  const path = join(folder, 'access.jsonl');
  const log = await openAccessLog(path);
  await Promise.all(Array.from({ length: 500 }, (_, at) => log.record(read(at))));
  expect(await lines(path)).toEqual(Array.from({ length: 500 }, (_, at) => read(at)));
  await log.close();
});

test('close finishes what is on its way and takes nothing more', async () => {
  const path = join(folder, 'access.jsonl');
  const log = await openAccessLog(path);
  const onItsWay = log.record(read(1));
  await log.close();
  await onItsWay;
  await expect(log.record(read(2))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await lines(path)).toHaveLength(1);
});

test.skipIf(!existsSync('/dev/full'))('a full disk is said, so that nothing is answered', async () => {
  // Skipped where the system has no /dev/full (macOS).
  const file = await open('/dev/full', 'a');
  await expect(appendDurably(file, [read(1)])).rejects.toMatchObject({ code: 'CAPACITY_EXHAUSTED' });
  await file.close();
});

test('a log that others may read is refused', async () => {
  await writeFile(join(folder, 'access.jsonl'), '', { mode: 0o644 });
  await expect(openAccessLog(join(folder, 'access.jsonl'))).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
});
