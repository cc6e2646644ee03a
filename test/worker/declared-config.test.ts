import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../worker/load-config.ts';

const shipped = join(import.meta.dirname, '..', '..', 'providers', 'declared', 'fireworks.yml');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keybaton-declared-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('a file of YAML as configuration brings the provider that it declares', async () => {
  const file = join(folder, 'acme.yml');
  await writeFile(file, (await readFile(shipped, 'utf8')).replace('name: fireworks', 'name: acme'));
  const { providers, backends } = await loadConfig(file);
  expect([Object.keys(providers), Object.keys(backends)]).toEqual([['acme'], []]);
  expect(providers['acme']?.().name).toBe('acme');
});

test('a declaration that is wrong is refused with the place, and one that is missing with its path', async () => {
  const file = join(folder, 'wrong.yaml');
  await writeFile(file, 'keybaton: 2\n');
  await expect(loadConfig(file)).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    message: expect.stringContaining('keybaton: expected keybaton: 1'),
  });
  const missing = join(folder, 'missing.yml');
  await expect(loadConfig(missing)).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    message: expect.stringContaining(missing),
  });
});
