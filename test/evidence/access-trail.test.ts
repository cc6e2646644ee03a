import { appendFileSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseCredentialId, parseVersionId } from '../../domain/identifiers.ts';
import { openAccessLog } from '../../control/access/access-log.ts';
import { readAccessLog, seenKept, type TrailVersion } from '../../evidence/access-trail.ts';
import { errorOf } from '../outbound/local-server.ts';

const credential = parseCredentialId('openai/prod/support-bot');
const leaked = parseVersionId(`kb${'a'.repeat(30)}`);
const other = parseVersionId(`kb${'b'.repeat(30)}`);
const versions: readonly TrailVersion[] = [{ credential, version: leaked, paths: ['ai/bot'], epochs: [] }];
const start = Date.UTC(2026, 10, 1);

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keybaton-trail-'));
  file = join(folder, 'access.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const lineOf = (at: number, version = leaked, more: object = {}) =>
  `${JSON.stringify({ at, credential, consumer: 'api', token: 't1', address: '10.0.0.7', which: 'current', version, epoch: 3, ...more })}\n`;
const ask = (since = start) => readAccessLog(versions, { file, since, signal: AbortSignal.timeout(60_000) });
const readsOf = async (since?: number) => (await ask(since)).reads.get(leaked);

test('every reading of the version is found, with who, from where and when; readings of others are not', async () => {
  const log = await openAccessLog(file);
  const read = { credential, consumer: 'api', token: 't1', address: '10.0.0.7', which: 'current' as const, epoch: 3 };
  await log.record({ ...read, at: start + 1, version: leaked });
  await log.record({ ...read, at: start + 2, version: other });
  await log.record({ ...read, at: start + 3, version: leaked, address: '203.0.113.9' });
  await log.close();
  expect(await ask()).toMatchObject({ begins: start + 1, damaged: 0 });
  expect(await readsOf()).toEqual({
    count: 2,
    own: 0,
    untold: 0,
    seen: [
      { at: start + 1, who: 'api (token t1)', from: '10.0.0.7' },
      { at: start + 3, who: 'api (token t1)', from: '203.0.113.9' },
    ],
  });
});

test('rotated files are read too, packed ones as well, the oldest first', async () => {
  writeFileSync(`${file}.2.gz`, gzipSync(lineOf(start + 1)));
  writeFileSync(`${file}-20261102`, lineOf(start + 2));
  writeFileSync(file, lineOf(start + 3));
  writeFileSync(join(folder, 'access.jsonl.bak-of-somebody'), lineOf(start + 4));
  [`${file}.2.gz`, `${file}-20261102`, file].forEach((path, n) => utimesSync(path, start / 1e3 + n, start / 1e3 + n));
  expect((await readsOf())?.seen.map(({ at }) => at)).toEqual([start + 1, start + 2, start + 3]);
});

test('files that ended before the time asked for are left out, and show that nothing is missing', async () => {
  writeFileSync(`${file}.1`, lineOf(start - 10));
  utimesSync(`${file}.1`, (start - 5) / 1e3, (start - 5) / 1e3);
  writeFileSync(file, lineOf(start + 50));
  expect(await ask()).toMatchObject({ begins: start });
  expect((await readsOf())?.count).toBe(1);
});

test('of a million readings the newest are kept and all are counted', async () => {
  const many = 4_000;
  writeFileSync(file, Array.from({ length: many }, (_, n) => lineOf(start + n)).join(''));
  const reads = await readsOf();
  expect(reads?.count).toBe(many);
  expect(reads?.seen.map(({ at }) => at)).toEqual(
    Array.from({ length: seenKept }, (_, n) => start + many - seenKept + n),
  );
});

test('a damaged line of the version is told of, never passed over in silence', async () => {
  writeFileSync(file, lineOf(start + 1));
  appendFileSync(file, lineOf(start + 2).slice(0, -4));
  expect(await ask()).toMatchObject({ damaged: 1 });
});

test('a line that never ends is skipped in pieces, and the next one is read', async () => {
  writeFileSync(file, `${'x'.repeat(6 * 1_048_576)}\n${lineOf(start + 2)}`);
  expect(await ask()).toMatchObject({ damaged: 1 });
  expect((await readsOf())?.count).toBe(1);
});

test('no log is no answer', async () => {
  expect((await errorOf(ask())).code).toBe('NOT_FOUND');
});
