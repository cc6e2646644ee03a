import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { installationKey, readInstallationKey } from '../../worker/installation-key.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'keybaton-key-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const fromFile = (create: boolean, folder = home) => readInstallationKey({ home: folder, environment: {}, create });
const fromEnvironment = (text: string) =>
  readInstallationKey({ home, environment: { KEYBATON_INSTALLATION_KEY: text }, create: false });
const base64 = Buffer.alloc(32, 9).toString('base64');

test('is made once, readable by its owner alone, and read again afterwards', async () => {
  const folder = join(home, 'new');
  const made = await fromFile(true, folder);
  const again = await fromFile(false, folder);
  expect(again.id).toBe(made.id);
  expect(Buffer.from(again.derive('proofs'))).toEqual(Buffer.from(made.derive('proofs')));
  expect((await stat(join(folder, 'installation.key'))).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['installation.key']);
});

test('of many that start at once, all end with the same key', async () => {
  const keys = await Promise.all(Array.from({ length: 20 }, () => fromFile(true)));
  expect(new Set(keys.map(({ id }) => id)).size).toBe(1);
});

test('is not made unless asked for', async () => {
  await expect(fromFile(false)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(await readdir(home)).toEqual([]);
});

test.each([0o640, 0o604, 0o620])('a file of mode %o is refused', async (mode) => {
  await fromFile(true);
  await chmod(join(home, 'installation.key'), mode);
  await expect(fromFile(true)).rejects.toMatchObject({ code: 'INVALID_CONFIG', message: /chmod 600/ });
});

test.each(['', 'not base64 at all', Buffer.alloc(31).toString('base64'), `${base64}AAAA`])(
  'a file that holds %j is refused, and what it holds is not shown',
  async (text) => {
    await writeFile(join(home, 'installation.key'), text, { mode: 0o600 });
    const thrown = await fromFile(true).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'INVALID_CONFIG' });
    if (text !== '') expect(String(thrown)).not.toContain(text);
  },
);

test('the environment wins over the file and makes none', async () => {
  expect((await fromEnvironment(base64)).id).toBe(installationKey(Buffer.alloc(32, 9)).id);
  expect(await readdir(home)).toEqual([]);
  await expect(fromEnvironment('too short')).rejects.toThrow(/KEYBATON_INSTALLATION_KEY must hold 32 bytes/);
});

test('each purpose has a key of its own, and the id gives none away', () => {
  const key = installationKey(Buffer.alloc(32, 9));
  const derived = ['pepper', 'proofs', 'embedded-vault'].map((purpose) =>
    Buffer.from(key.derive(purpose)).toString('hex'),
  );
  expect(new Set(derived).size).toBe(3);
  for (const one of derived) {
    expect(one).toHaveLength(64);
    expect(one).not.toContain(key.id);
  }
  expect(key.id).toMatch(/^[a-z0-9]{8}$/);
});

test('a folder that cannot be one is refused by its name, with what to do', async () => {
  const file = join(home, 'file');
  await writeFile(file, '');
  await expect(fromFile(true, join(file, 'home'))).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    message: expect.stringContaining('set KEYBATON_HOME'),
  });
});
