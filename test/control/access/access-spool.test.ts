import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AccessLogOptions, openAccessLog } from '../../../control/access/access-log.ts';
import type { SecretRead } from '../../../control/access/access-log.ts';
import { appendDurably } from '../../../control/access/json-lines.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import { parseCredentialId, parseVersionId } from '../../../domain/identifiers.ts';
import { until } from '../http-api/world.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keybaton-spool-'));
  path = join(folder, 'access.jsonl');
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
const parsed = (text: string): readonly { at: number; consumer: string }[] =>
  text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as { at: number; consumer: string }];
    } catch {
      // A torn line, or the break before one.
      return [];
    }
  });
const logged = async () => parsed(await readFile(path, 'utf8')).map(({ at }) => at);
const spooled = (): readonly string[] => {
  try {
    return readdirSync(join(folder, 'spool'));
  } catch {
    return [];
  }
};

/** A log whose disk does what a test says. */
function faulty() {
  const state = { fails: false as boolean | 'after', hangs: undefined as Promise<void> | undefined };
  const options: AccessLogOptions = {
    retryAfter: 10,
    patience: 50,
    append: async (file, records) => {
      // As it stands when the group comes: a slow disk may answer when the test has gone on.
      const { fails } = state;
      if (fails === 'after') await appendDurably(file, records);
      if (fails !== false) throw new KeybatonError('CAPACITY_EXHAUSTED', 'the disk is full');
      await state.hangs;
      await appendDurably(file, records);
    },
  };
  return { state, options };
}

test('while the log cannot be written, a reading is on disk in the spool when record returns', async () => {
  const { state, options } = faulty();
  const told: string[] = [];
  const log = await openAccessLog(path, { ...options, retryAfter: 60_000, told: (what) => told.push(what) });
  state.fails = true;
  await log.record(read(1));
  const [name = ''] = spooled();
  expect(parsed(readFileSync(join(folder, 'spool', name), 'utf8')).at(-1)).toMatchObject(read(1));
  expect((await stat(join(folder, 'spool', name))).mode & 0o777).toBe(0o600);
  expect([await logged(), told]).toEqual([[], [expect.stringContaining('(CAPACITY_EXHAUSTED): readings go to')]]);
  await log.close();
});

test('when it can be written again it gets what was spooled, each once, and the spool is gone', async () => {
  const { state, options } = faulty();
  const log = await openAccessLog(path, options);
  await log.record(read(1));
  state.fails = true;
  await Promise.all([log.record(read(2)), log.record(read(3))]);
  await log.record(read(4));
  state.fails = false;
  await until('the spool is imported', () => spooled().length === 0);
  await log.record(read(5));
  expect((await logged()).toSorted()).toEqual([1, 2, 3, 4, 5]);
  await log.close();
});

test('an append that failed and was done all the same is not done twice', async () => {
  const { state, options } = faulty();
  const log = await openAccessLog(path, options);
  state.fails = 'after';
  await log.record(read(1));
  await log.record(read(2));
  state.fails = false;
  await until('the spool is imported', () => spooled().length === 0);
  expect((await logged()).toSorted()).toEqual([1, 2]);
  await log.close();
});

test('a disk that hangs holds no reading up, and what it does later is not done twice', async () => {
  const { state, options } = faulty();
  const log = await openAccessLog(path, options);
  const { promise, resolve } = Promise.withResolvers<void>();
  state.hangs = promise;
  await log.record(read(1));
  await log.record(read(2));
  expect([await logged(), spooled().length > 0]).toEqual([[], true]);
  resolve();
  state.hangs = undefined;
  await until('the spool is imported', () => spooled().length === 0);
  expect((await logged()).toSorted()).toEqual([1, 2]);
  await log.close();
});

test('nothing is acknowledged when spool and log both fail', async () => {
  const { state, options } = faulty();
  // A file where the folder should be.
  writeFileSync(join(folder, 'none'), '');
  const log = await openAccessLog(path, { ...options, spool: join(folder, 'none', 'spool') });
  state.fails = true;
  await expect(log.record(read(1))).rejects.toMatchObject({ code: 'CAPACITY_EXHAUSTED' });
  state.fails = false;
  await until('the log is tried again', () =>
    log.record(read(2)).then(
      () => true,
      () => false,
    ),
  );
  expect(new Set(await logged())).toEqual(new Set([2]));
  await log.close();
});

test('what a process left in its spool is in the log when another has opened it', async () => {
  const { state, options } = faulty();
  const first = await openAccessLog(path, { ...options, retryAfter: 60_000 });
  await first.record(read(1));
  state.fails = true;
  await first.record(read(2));
  await first.close();
  expect([await logged(), spooled()]).toEqual([[1], [expect.any(String)]]);
  const second = await openAccessLog(path);
  expect([await logged(), spooled()]).toEqual([[1, 2], []]);
  await second.close();
});

test('two logs on one file, both failing, lose nothing and write nothing twice', async () => {
  const { state, options } = faulty();
  const logs = [await openAccessLog(path, options), await openAccessLog(path, options)];
  const all = Array.from({ length: 200 }, (_, at) => at);
  for (const at of all) {
    if (at % 25 === 0) state.fails = at % 50 === 0 ? 'after' : false;
    await logs[at % 2]?.record(read(at));
  }
  state.fails = false;
  await Promise.all(logs.map((log) => log.close()));
  // On a slow disk one of their appends may not have answered yet: until it has, nothing is brought in.
  const last = await openAccessLog(path, options);
  await until('the spool is imported', () => spooled().length === 0);
  await last.close();
  expect((await logged()).toSorted((one, other) => one - other)).toEqual(all);
});

test('what one log spooled while its append hung is not brought in by another log of the process before that is over', async () => {
  const { state, options } = faulty();
  const slow = await openAccessLog(path, options);
  const { promise, resolve } = Promise.withResolvers<void>();
  state.hangs = promise;
  await slow.record(read(1));
  state.hangs = undefined;
  await (await openAccessLog(path)).close();
  expect([await logged(), spooled().length]).toEqual([[], 1]);
  resolve();
  await until('the spool is imported', () => spooled().length === 0);
  expect(await logged()).toEqual([1]);
  await slow.close();
});

test('processes killed at any moment, with a log that comes and goes: every acknowledged reading is there once', async () => {
  const child = fileURLToPath(new URL('spool-child.ts', import.meta.url));
  const acknowledged: string[] = [];
  for (let turn = 1; turn <= 6; turn += 1) {
    const running = spawn(process.execPath, [child, folder, `turn-${String(turn)}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    const ended = once(running, 'close');
    running.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    await until('it records', () => printed.split('\n').length > 20);
    if (turn % 3 !== 0) writeFileSync(join(folder, 'down'), '');
    const before = printed.length;
    await until('it goes on', () => printed.length > before + 60);
    if (turn % 2 === 0) rmSync(join(folder, 'down'), { force: true });
    running.kill('SIGKILL');
    await ended;
    const whole = printed.slice(0, printed.lastIndexOf('\n')).split('\n');
    acknowledged.push(...whole.map((at) => `turn-${String(turn)}/${at}`));
  }
  rmSync(join(folder, 'down'), { force: true });
  await (await openAccessLog(path)).close();
  const lines = parsed(await readFile(path, 'utf8')).map(({ at, consumer }) => `${consumer}/${String(at)}`);
  expect(new Set(lines).size).toBe(lines.length);
  expect(acknowledged.filter((one) => !lines.includes(one))).toEqual([]);
  expect(spooled()).toEqual([]);
});
