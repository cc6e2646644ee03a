import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startFake, type RunningFake } from '../fakes/start.ts';
import { rawClient } from '../fakes/raw-client.ts';

const root = join(import.meta.dirname, '..', '..');
const shipped = join(root, 'providers', 'declared', 'elevenlabs.yml');
let fake: RunningFake<object>;
let folder: string;
let place = 0;

beforeAll(async () => {
  fake = await startFake('declared-vendors');
  folder = await mkdtemp(join(tmpdir(), 'keybaton-provider-'));
});
beforeEach(() => (place += 1));
afterAll(async () => {
  await fake.stop();
  await rm(folder, { recursive: true, force: true });
});

const account = () => `account-${place}`;
const admin = () => rawClient(fake.url, { 'xi-api-key': fake.adminKey });
const keysPath = () => `/v1/service-accounts/${account()}/api-keys`;

async function settingsFile(): Promise<string> {
  const file = join(folder, `settings-${place}.yml`);
  const spreads = 'createSpread: 0\nrevokeSpread: 0\nlateCreate: 0\nusageLag: 0\n';
  await writeFile(file, `serviceAccount: ${account()}\npermissions: [user_read]\ncharacterLimit: 10\n${spreads}`);
  return file;
}

async function declarationWith(from: string, to: string): Promise<string> {
  const file = join(folder, `declaration-${place}.yml`);
  const text = await readFile(shipped, 'utf8');
  expect(text).toContain(from);
  await writeFile(file, text.replace(from, to));
  return file;
}

/** The real command, in a process of its own. */
async function keybaton(line: readonly string[], stdin = '') {
  const child = spawn(process.execPath, [join(root, 'bin', 'keybaton.js'), 'provider', 'test', ...line], {
    env: { ...process.env, TEST_ADMIN_KEY: fake.adminKey, KEYBATON_HOME: join(folder, 'home') },
  });
  child.stdin.end(stdin);
  const [out, err] = [child.stdout.setEncoding('utf8').toArray(), child.stderr.setEncoding('utf8').toArray()];
  const exit = await new Promise<number | null>((done) => child.once('close', done));
  return { exit, stdout: (await out).join(''), stderr: (await err).join('') };
}

test('a declaration that is right passes, with its credential from the environment, and leaves nothing', async () => {
  const line = [shipped, '--against', fake.url, '--settings', await settingsFile(), '--admin', 'env:TEST_ADMIN_KEY'];
  const ran = await keybaton([...line, '--json']);
  expect(ran).toMatchObject({ exit: 0, stderr: '' });
  const { provider, passed, failed } = JSON.parse(ran.stdout);
  expect([provider, failed]).toEqual(['elevenlabs', 0]);
  expect(passed).toBeGreaterThan(30);
  expect((await admin()('GET', keysPath())).body['api-keys']).toEqual([]);
  for (const value of [fake.adminKey, ...fake.values]) expect(ran.stdout).not.toContain(value);
});

test('a declaration that forgets to kill is told so, with its credential from standard input', async () => {
  const wrong = await declarationWith('request: DELETE /v1', 'request: PATCH /v1');
  const text = await readFile(wrong, 'utf8');
  await writeFile(wrong, text.replace(/(request: PATCH [^\n]*\/\{id\})\n(suspend)/, '$1\n  body: { name: null }\n$2'));
  const ran = await keybaton([wrong, '--against', fake.url, '--settings', await settingsFile()], `${fake.adminKey}\n`);
  expect(ran.exit).toBe(8);
  expect(ran.stderr).toContain('FAILED  a revoked version is refused and no longer listed as live');
  for (const value of [fake.adminKey, ...fake.values]) expect(ran.stdout + ran.stderr).not.toContain(value);
});

test('a place where somebody has keys is left alone', async () => {
  await admin()('POST', keysPath(), { name: 'somebody', permissions: 'all' });
  const line = [shipped, '--against', fake.url, '--settings', await settingsFile(), '--admin', 'env:TEST_ADMIN_KEY'];
  const ran = await keybaton(line);
  expect(ran.exit).toBe(5);
  expect(ran.stderr).toContain('1 keys live there already');
  expect((await admin()('GET', keysPath())).body['api-keys']).toHaveLength(1);
});

test('a credential as an argument is refused and not repeated', async () => {
  const ran = await keybaton([shipped, '--against', fake.url, '--admin', fake.adminKey]);
  expect(ran.exit).toBe(2);
  expect(ran.stderr).toContain('expected --admin env:NAME');
  expect(ran.stdout + ran.stderr).not.toContain(fake.adminKey);
});
