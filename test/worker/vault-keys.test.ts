import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ActivityPorts } from '../../activities/ports.ts';
import { embedded } from '../../backends/embedded.ts';
import { backendRegistry } from '../../backends/registry.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { temporaryFolder, type TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { openVaultKeys } from '../../worker/vault-keys.ts';
import { openBench, oneEntry, oneTarget, type Bench } from '../control/bench.ts';

let folder: TemporaryFolder;
let bench: Bench;
beforeEach(async () => {
  folder = temporaryFolder('vault-keys');
  bench = await openBench();
});
afterEach(async () => {
  await bench.close();
  folder.remove();
});

const access = (name: string) => ({
  name,
  admin: async () => new SecretMaterial({ value: 'canary-admin' }, 'value'),
  key: () => new Uint8Array(32).fill(1),
});

/** The command over the real ledger and real files. */
function rotateKey(...line: string[]) {
  const settings = (name: string) => ({ file: join(folder.path, `${name}.db`) });
  const backend: ActivityPorts['backend'] = async (name) => {
    if (name === 'vault') return backendRegistry['in-memory'].open({}, access(name));
    if (name === 'own' || name === 'second') return embedded.create(settings(name), access(name));
    throw new KeybatonError('NOT_FOUND', `targets.yml names no backend ${name}`);
  };
  const vaultKeys = openVaultKeys({ ledger: bench.ledger, backend });
  return bench.run(['vault', 'rotate-key', ...line], { openPorts: async () => ({ ...bench.ports, vaultKeys }) });
}

const vaults = (...names: readonly string[]) =>
  names.reduce(
    (text, name) => `${text}  ${name}:\n    kind: embedded\n    settings: { file: ./${name}.db }\n`,
    oneTarget,
  );
const apply = (targets: string) =>
  bench.apply(oneEntry.replace('    consumers:', '    backends: [vault]\n    consumers:'), targets);

test('vault rotate-key changes the key of the only embedded vault and records who did it, naming keys by their ids', async () => {
  expect(await apply(vaults('own'))).toMatchObject({ exit: 0 });
  const first = await rotateKey('--json');
  expect(first).toMatchObject({ exit: 0, stderr: '' });
  const answer = JSON.parse(first.stdout) as { key: string };
  expect(answer).toEqual({
    backend: 'own',
    key: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
    dropped: [expect.stringMatching(/^[0-9a-f]{16}$/)],
    rows: 0,
    wentOn: false,
  });
  const second = await rotateKey();
  expect(second.stdout).toMatch(new RegExp(`^own: key [0-9a-f]{16}; 0 rows sealed anew, dropped ${answer.key}\n$`));
  const history = await bench.run(['history', '--json']);
  expect(history.stdout).toContain('vault-key.rotated');
  expect(history.stdout).toContain('os:ada');
});

test.each([
  [[], vaults('own', 'second'), 'name one of own, second'],
  [[], oneTarget, 'targets.yml names no embedded vault'],
  [['vault'], vaults('own'), 'backend vault is no embedded vault'],
  [['nowhere'], vaults('own'), 'targets.yml names no backend nowhere'],
])('vault rotate-key %j says what is wrong (%#)', async (line, targets, complaint) => {
  await apply(targets);
  const ran = await rotateKey(...line);
  expect(ran.exit).not.toBe(0);
  expect(ran.stderr).toContain(complaint);
});

test('vault rotate-key away from the host of the vault says where to run it', async () => {
  const ran = await bench.run(['vault', 'rotate-key']);
  expect([ran.exit, ran.stderr.includes('run this on its host')]).toEqual([7, true]);
});
