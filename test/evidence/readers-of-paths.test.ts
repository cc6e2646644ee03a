import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readersOfPaths } from '../../evidence/readers-of-paths.ts';

const start = Date.parse('2026-11-01T00:00:00Z');
const minute = 60_000;
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'keybaton-readers-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Reading {
  readonly at: number;
  readonly role?: string;
  readonly path?: string;
  readonly from?: string;
  readonly more?: object;
}

/** A line as OpenBao's file device writes it, as far as it matters here. */
const line = ({ at, role, path = 'secret/data/a/b', from = '10.0.0.1', more = {} }: Reading): string =>
  JSON.stringify({
    time: new Date(start + at).toISOString(),
    type: 'response',
    auth: { display_name: role === undefined ? 'token' : 'approle', metadata: role && { role_name: role } },
    request: { operation: 'read', path, remote_address: from, namespace: { id: 'root' } },
    response: { data: { data: { key: 'hmac-sha256:0' }, metadata: { created_time: '2026-10-01T00:00:00Z' } } },
    ...more,
  });

async function readers(lines: readonly string[], before = Infinity) {
  const file = join(folder, 'audit.log');
  writeFileSync(file, `${lines.join('\n')}\n`);
  const query = { file, paths: new Set(['a/b']), before, signal: new AbortController().signal };
  const answer = await readersOfPaths({ mount: 'secret', namespace: undefined }, query);
  return { ...answer, of: answer.readers.get('a/b') ?? [] };
}

test('an interval is the median between readings at one address: two instances do not halve it', async () => {
  const every = [0, 5, 10, 40, 45].flatMap((at) => [
    line({ at: at * minute, role: 'web' }),
    line({ at: (at + 2) * minute, role: 'web', from: '10.0.0.2' }),
  ]);
  const { of, begins, damaged } = await readers(every);
  expect(of).toEqual([
    {
      reader: 'role:web',
      who: 'approle, role web',
      reads: 10,
      lastAt: start + 47 * minute,
      every: 5 * minute,
      addresses: 2,
    },
  ]);
  expect({ begins, damaged }).toEqual({ begins: start, damaged: 0 });
});

test('a bare token has no name that an inventory could use; one reading has no interval', async () => {
  const { of } = await readers([line({ at: 0 })]);
  expect(of).toMatchObject([{ reader: undefined, who: 'token', reads: 1, every: undefined }]);
});

test('what was refused, found nothing, lies elsewhere or came after the walk began is no reading', async () => {
  const { of, readers: all } = await readers(
    [
      line({ at: 0, role: 'refused', more: { error: 'permission denied' } }),
      line({ at: 0, role: 'nothing', more: { response: { data: { data: null } } } }),
      line({ at: 0, role: 'elsewhere', path: 'secret/data/a/c' }),
      line({ at: 0, role: 'other-mount', path: 'team/data/a/b' }),
      line({ at: 0, role: 'request', more: { type: 'request' } }),
      line({ at: 5, role: 'late' }),
    ],
    start + 5,
  );
  expect(of).toEqual([]);
  expect([...all.keys()]).toEqual([]);
});

test('a torn line about a path is told: it may have been a reading', async () => {
  const torn = line({ at: minute, role: 'web' }).slice(0, -40);
  expect((await readers([line({ at: 0, role: 'web' }), torn])).damaged).toBe(1);
});
