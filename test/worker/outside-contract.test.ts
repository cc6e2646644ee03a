import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contractProblem, knownContracts } from '../../worker/contract-versions.ts';
import { loadConfig } from '../../worker/load-config.ts';

let folder: string;
let files = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keybaton-contract-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const schema = 'settingsSchema: { safeParse: (data) => ({ success: true, data }) }';
const provider = (more: string) => `() => ({ ${schema}, ${more} })`;
const backend = (more: string) => `({ kind: 'shelf', ${schema}, create: (_, { name }) => ({ name }), ${more} })`;

/** A new file for each: a module is loaded once. */
async function load(config: string) {
  const file = join(folder, `config-${(files += 1)}.mts`);
  await writeFile(file, `export default ${config};\n`);
  return loadConfig(file);
}
const refusal = (text: string) => ({ code: 'INVALID_CONFIG', message: expect.stringContaining(text) });

test('a provider and a backend that say the contract of this keybaton are taken', async () => {
  const { providers, backends } = await load(
    `{ providers: { acme: ${provider('contract: 1')} }, backends: { shelf: ${backend('contract: 1')} } }`,
  );
  expect(providers['acme']?.()).toMatchObject({ contract: 1 });
  const access = { name: 'here', admin: () => Promise.reject(new Error('unused')), key: () => new Uint8Array(32) };
  expect(backends['shelf']?.open({}, access).name).toBe('here');
});

describe.each([
  ['provider', (more: string) => `{ providers: { acme: ${provider(more)} } }`, 'provider acme'],
  ['backend', (more: string) => `{ backends: { shelf: ${backend(more)} } }`, 'backend shelf'],
])('a %s from outside', (_, config, name) => {
  test('that names no contract is refused, and told to run the kit and say it', async () => {
    await expect(load(config(''))).rejects.toMatchObject(refusal(`${name} does not say which contract`));
    await expect(load(config(''))).rejects.toMatchObject(refusal('add "contract: 1"'));
  });

  test('for a newer contract is refused, and told to update keybaton', async () => {
    const loading = load(config('contract: 2'));
    await expect(loading).rejects.toMatchObject(refusal(`${name} was written for contract 2`));
    await expect(loading).rejects.toMatchObject(refusal('update keybaton'));
  });

  test.each(["'1'", '0', '1.5', 'null'])('whose contract is %s is refused', async (said) => {
    await expect(load(config(`contract: ${said}`))).rejects.toMatchObject(refusal(`${name} must say its contract`));
  });
});

test('an adapter for a contract that is no longer kept is told where the change is written', () => {
  const known = { oldest: 3, newest: 4 };
  expect(contractProblem(2, known)).toContain('written for contract 2, and this keybaton knows none older than 3');
  expect(contractProblem(2, known)).toContain('say "contract: 4"');
  expect([3, 4].map((said) => contractProblem(said, known))).toEqual([undefined, undefined]);
  for (const { oldest, newest } of Object.values(knownContracts)) expect(newest).toBeGreaterThanOrEqual(oldest);
});

test('every adapter that cannot be used is named at once', async () => {
  const loading = load(`{ providers: { acme: ${provider('')}, other: 3 }, backends: { shelf: {} }, provider: {} }`);
  for (const text of ['provider acme', 'provider other must be a function', 'backend shelf must have', '"provider"'])
    await expect(loading).rejects.toMatchObject(refusal(text));
});

test('a provider whose function throws is named, without what it throws', async () => {
  const loading = load(`{ providers: { acme: () => { throw new TypeError('sk-secret') } } }`);
  await expect(loading).rejects.toMatchObject(refusal('provider acme cannot be made: its function throws TypeError'));
  await expect(loading).rejects.not.toMatchObject(refusal('sk-secret'));
});

test('a name that ships is refused, since the one that ships would be used in its place', async () => {
  await expect(load(`{ providers: { openai: ${provider('contract: 1')} } }`)).rejects.toMatchObject(
    refusal('provider openai has the name of one that ships'),
  );
  await expect(load(`{ backends: { embedded: ${backend('contract: 1')} } }`)).rejects.toMatchObject(
    refusal('backend embedded has the name of one that ships'),
  );
  const yaml = join(import.meta.dirname, '..', '..', 'providers', 'declared', 'fireworks.yml');
  await expect(loadConfig(yaml)).rejects.toMatchObject(refusal('provider fireworks has the name of one that ships'));
});
