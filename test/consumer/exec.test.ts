import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exec, type ExecOptions } from '../../consumer/exec/exec.ts';
import { credential } from '../control/http-api/world.ts';
import { until } from '../support/until.ts';
import { openHarness, type Harness } from './harness.ts';

const keybaton = fileURLToPath(new URL('../../bin/keybaton.js', import.meta.url));

let harness: Harness;
let folder: string;
let stop: AbortController;
let said: string[];
let running: Promise<number> | undefined;

beforeEach(async () => {
  harness = await openHarness();
  folder = mkdtempSync(join(tmpdir(), 'keybaton-exec-'));
  stop = new AbortController();
  said = [];
});
afterEach(async () => {
  stop.abort();
  await running?.catch(() => undefined);
  running = undefined;
  await harness.close();
  rmSync(folder, { recursive: true, force: true });
});

const file = (name: string): string => join(folder, name);
const lines = (name: string): readonly string[] =>
  existsSync(file(name)) ? readFileSync(file(name), 'utf8').split('\n').filter(Boolean) : [];

/** Writes down what it was started with, and what it reads at each HUP; ends at TERM. */
const program = `
  const { appendFileSync, readFileSync } = require('node:fs');
  const note = (text) => appendFileSync(process.env.NOTES, text + '\\n');
  process.on('SIGHUP', () => note('reread ' + readFileSync(process.env.FILE, 'utf8')));
  process.on('SIGTERM', () => { note('ended'); process.exit(0); });
  note('began ' + (process.env.KEY ?? readFileSync(process.env.FILE, 'utf8')) + ' ' + (process.env.KEYBATON_TOKEN ?? 'no token'));
  setInterval(() => {}, 1000);
`;

/** Holds when the program is up and the provider lets its key in. */
const health = 'grep -qF "began $KEY" "$NOTES" && grep -qxF "$KEY" "$ACCEPTED"';

const options = (changes: Partial<ExecOptions> = {}): ExecOptions => ({
  connect: { url: harness.world.url(), token: harness.token, credential, consumer: 'web', instance: 'web-0' },
  command: [process.execPath, '-e', program],
  environment: { PATH: process.env['PATH'], NOTES: file('notes'), ACCEPTED: file('accepted'), FILE: file('key') },
  variables: [{ name: 'KEY', field: 'api_key' }],
  files: [],
  health,
  healthyWithin: 20_000,
  stopWithin: 10_000,
  spread: 0,
  signal: stop.signal,
  say: (text) => said.push(text),
  ...changes,
});

/** A new version; the provider accepts it unless it is said not to. */
async function rotate(accepted = true): Promise<string> {
  const { value } = await harness.rotate();
  if (accepted) appendFileSync(file('accepted'), `${value}\n`);
  return value;
}

describe('a program that is run with a secret', () => {
  test('is started anew with each version, which is proved once the health check holds', async () => {
    const first = await rotate();
    running = exec(options());
    await until('the first is proved', harness.proved);
    const second = await rotate();
    await until(
      'the second is proved',
      async () => (await harness.missing()).length === 0 && lines('notes').length > 2,
    );
    expect(lines('notes')).toEqual([`began ${first} no token`, 'ended', `began ${second} no token`]);
    stop.abort();
    expect(await running).toBe(0);
  });

  test('goes back to the previous version where the new one does not work, and does not prove', async () => {
    const first = await rotate();
    running = exec(options({ healthyWithin: 1_500 }));
    await until('the first is proved', harness.proved);
    const second = await rotate(false);
    await until('it is back', () => lines('notes').length >= 5);
    await until('it works again', () => said.filter((text) => text === 'works with its secret').length === 2);
    expect(lines('notes').filter((line) => line !== 'ended')).toEqual(
      [first, second, first].map((key) => `began ${key} no token`),
    );
    expect(await harness.missing()).not.toEqual([]);
  });

  test('reads a file that is replaced, and is signalled instead of being started anew', async () => {
    const first = await rotate();
    const read = { variables: [], files: [{ name: file('key'), field: 'api_key' }] };
    running = exec(
      options({
        ...read,
        signalOnChange: 'SIGHUP',
        health: 'grep -qFf "$FILE" "$NOTES" && grep -qxFf "$FILE" "$ACCEPTED"',
      }),
    );
    await until('the first is proved', harness.proved);
    expect(statSync(file('key')).mode & 0o777).toBe(0o600);
    const second = await rotate();
    await until('the second is there', () => lines('notes').length > 1);
    expect(lines('notes')).toEqual([`began ${first} no token`, `reread ${second}`]);
    stop.abort();
    await running;
    expect(existsSync(file('key'))).toBe(false);
  });

  test('that never works is ended, and the version is reported as refused', async () => {
    await rotate(false);
    running = exec(options({ healthyWithin: 500 }));
    expect(await running).toBe(1);
    expect(said.join('\n')).toMatch(/health check does not hold/);
    expect(lines('notes')).toContain('ended');
    expect(await harness.missing()).not.toEqual([]);
  });

  test('that ends by itself ends with its own code, and its instance is not waited for', async () => {
    await rotate();
    running = exec(options({ command: ['/bin/sh', '-c', 'sleep 1; exit 7'] }));
    expect(await running).toBe(7);
    const { instances } = await harness.world.ledger.evidence(credential);
    expect(instances).toMatchObject([{ instance: 'web-0', left: true }]);
  });

  test('that cannot be started says so, and leaves nothing behind', async () => {
    await rotate();
    running = exec(options({ command: [file('absent')], files: [{ name: file('key'), field: 'api_key' }] }));
    await expect(running).rejects.toMatchObject({ code: 'ENOENT' });
    expect(existsSync(file('key'))).toBe(false);
  });

  test('by the command: it has the secret and not our token, Ctrl-C ends it, its code is the answer', async () => {
    const first = await rotate();
    const [, ...args] = options().command;
    const child = spawn(
      process.execPath,
      [
        ...[keybaton, 'exec', credential, '--consumer', 'web', '--instance', 'web-0', '--env', 'KEY=api_key'],
        ...['--health', health, '--', process.execPath, ...args],
      ],
      {
        stdio: 'ignore',
        env: { ...options().environment, KEYBATON_URL: harness.world.url(), KEYBATON_TOKEN: harness.token },
      },
    );
    await until('it is proved', harness.proved);
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(lines('notes')).toEqual([`began ${first} no token`, 'ended']);
  }, 30_000);
});
