import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openAuditTail, type AuditTail } from '../../evidence/audit-tail.ts';
import { errorOf } from '../outbound/local-server.ts';

let folder: string;
let file: string;
let tail: AuditTail;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keybaton-tail-'));
  file = join(folder, 'audit.log');
  tail = openAuditTail(file, 0);
});
afterEach(() => rmSync(folder, { recursive: true }));

async function look(signal = AbortSignal.timeout(30_000)) {
  const lines: string[] = [];
  const troubles = await tail.look((line) => lines.push(line.toString('utf8')), signal);
  return { lines, troubles };
}
const lines = async () => (await look()).lines;

test('each look gives what was written since the last one', async () => {
  writeFileSync(file, 'a\nb\n');
  expect(await lines()).toEqual(['a', 'b']);
  expect(await lines()).toEqual([]);
  appendFileSync(file, 'c\n');
  expect(await look()).toEqual({ lines: ['c'], troubles: [] });
});

test('half a line waits for its other half', async () => {
  writeFileSync(file, 'a\nhal');
  expect(await lines()).toEqual(['a']);
  appendFileSync(file, 'f\nb\n');
  expect(await lines()).toEqual(['half', 'b']);
});

test('a renamed file is read to its end, then those that came after it, then the new one', async () => {
  writeFileSync(file, 'a\n');
  await look();
  appendFileSync(file, 'b\n');
  renameSync(file, `${file}.2`);
  // Between the renaming and the signal to the server there is no file of that name.
  expect(await look()).toEqual({ lines: ['b'], troubles: [] });
  writeFileSync(`${file}.1`, 'c\n');
  writeFileSync(file, 'd\n');
  expect(await look()).toEqual({ lines: ['c', 'd'], troubles: [] });
  appendFileSync(file, 'e\n');
  expect(await look()).toEqual({ lines: ['e'], troubles: [] });
});

test('a file that was cut and written anew is told of and read from its beginning, also when it is longer by now', async () => {
  writeFileSync(file, 'one\n');
  await look();
  truncateSync(file);
  expect((await look()).troubles).toHaveLength(1);
  writeFileSync(file, 'two and more\n');
  expect(await look()).toMatchObject({ lines: ['two and more'] });
  writeFileSync(file, 'another, and longer than what was there\n');
  const { lines: read, troubles } = await look();
  expect(read).toEqual(['another, and longer than what was there']);
  expect(troubles).toEqual([expect.stringContaining('cut or replaced')]);
});

test('where the file at hand was packed, all that is left is read again and it is told', async () => {
  writeFileSync(file, 'a\n');
  await look();
  rmSync(file);
  writeFileSync(`${file}.1.gz`, gzipSync('a\nb\n'));
  writeFileSync(file, 'c\n');
  const { lines: read, troubles } = await look();
  expect(read).toEqual(['a', 'b', 'c']);
  expect(troubles).toHaveLength(1);
  expect(await look()).toEqual({ lines: [], troubles: [] });
});

test('a rotated file that ends with half a line is told of', async () => {
  writeFileSync(`${file}.1`, 'a\nhal');
  writeFileSync(file, 'b\n');
  expect(await look()).toEqual({ lines: ['a', 'b'], troubles: [expect.stringContaining('half a line')] });
});

test('a look that is cut short goes on where it was', async () => {
  const line = 'x'.repeat(1_000);
  writeFileSync(file, `${line}\n`.repeat(3_000));
  const stop = new AbortController();
  let first = 0;
  const cut = tail.look(() => {
    first += 1;
    stop.abort();
  }, stop.signal);
  expect((await errorOf(cut)).code).toBe('UNAVAILABLE');
  expect(first).toBeLessThan(3_000);
  expect(first + (await lines()).length).toBe(3_000);
});

test('what cannot be read is an error in our codes, and the next look goes on', async () => {
  writeFileSync(file, 'a\n');
  mkdirSync(`${file}.1`);
  expect((await errorOf(look())).code).toBe('UNAVAILABLE');
  rmSync(`${file}.1`, { recursive: true });
  expect(await lines()).toContain('a');
});

test('no file is no answer', async () => {
  expect((await errorOf(look())).code).toBe('NOT_FOUND');
});
