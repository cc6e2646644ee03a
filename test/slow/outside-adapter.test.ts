import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorTable } from '../../domain/errors.ts';
import { startProgram, type Program } from '../../scripts/servers/program.ts';
import { toolPath } from '../../scripts/servers/tools.ts';
import { root } from '../../scripts/setup/places.mjs';
import { installPacked, type PackedInstall } from '../support/packed.ts';
import { runToEnd } from '../support/run-to-end.ts';

const targets = `
targets:
  sheet-test:
    provider: sheet
    environment: test
    settings: { prefix: tok_ }
    admin: env:SHEET_ADMIN
    teams: [apps]
backends:
  here:
    kind: embedded
    settings: { file: ./vault.sqlite }
`;
const inventory = `
teams: [apps]
credentials:
  sheet/test/app:
    target: sheet-test
    team: apps
    tier: low
    mode: automatic
    backends: [here]
    consumers: { none: nobody uses this one }
    silence: { no: the sheet does not show use }
    soak: 0s
`;

/** The package from its tarball, on the oldest Node, with an adapter that lies outside of it. */
describe('the packed package with an adapter from outside', () => {
  let packed: PackedInstall;
  let up: Program;
  let environment: Record<string, string>;
  beforeAll(async () => {
    packed = await installPacked();
    copyFileSync(
      fileURLToPath(new URL('../support/outside-adapter.mts', import.meta.url)),
      join(packed.folder, 'keybaton.config.mts'),
    );
    writeFileSync(join(packed.folder, 'targets.yml'), targets);
    writeFileSync(join(packed.folder, 'inventory.yml'), inventory);
    environment = {
      KEYBATON_HOME: join(packed.folder, 'home'),
      KEYBATON_CONFIG: join(packed.folder, 'keybaton.config.mts'),
      KEYBATON_API_PORT: '0',
      SHEET_ADMIN: 'letmein',
      TEMPORAL_CLI: toolPath('temporal'),
    };
    up = await startProgram({
      title: 'keybaton up',
      command: packed.node,
      args: [packed.command, 'up'],
      cwd: packed.folder,
      env: environment,
    });
    const [, address = ''] = await up.printed(/Temporal at (\S+?),/);
    environment = { ...environment, TEMPORAL_ADDRESS: address };
  }, 10 * 60_000);
  afterAll(async () => {
    await up.stop();
    packed.remove();
  }, 5 * 60_000);

  const tool = (path: string): string => join(root, 'node_modules', path);
  const keybaton = (...args: readonly string[]) => keybatonWith({}, ...args);
  const keybatonWith = (more: Readonly<Record<string, string>>, ...args: readonly string[]) =>
    runToEnd(packed.node, [packed.command, ...args], {
      cwd: packed.folder,
      env: { ...process.env, ...environment, ...more },
    });

  it('applies, rotates and shows the version that the adapter made', { timeout: 300_000 }, async () => {
    const applied = await keybaton('apply', '--json');
    expect([applied.stderr, applied.status]).toEqual(['', 0]);
    const first = await keybaton('rotate', 'sheet/test/app', '--wait', '--json');
    expect([first.stderr, first.status]).toEqual(['', 0]);
    const second = await keybaton('rotate', 'sheet/test/app', '--wait', '--json');
    expect([second.stderr, second.status]).toEqual(['', 0]);
    const shown = await keybaton('show', 'sheet/test/app', '--json');
    expect(shown.status).toBe(0);
    const { versions } = JSON.parse(shown.stdout) as { versions: readonly { fate: string }[] };
    // One version more where the sweep, which runs every minute, saw an entry that was never rotated before we asked.
    const [current, ...others] = versions.map((version) => version.fate).toSorted();
    expect([current, [...new Set(others)]]).toEqual(['current', ['dead']]);
    expect((await keybaton('audit', 'verify')).status).toBe(0);
  });

  it(
    'begins an adapter that compiles strictly and passes the kit, by node --test and by vitest',
    { timeout: 300_000 },
    async () => {
      const folder = join(packed.folder, 'begun');
      const begun = await keybaton('provider', 'new', 'acme-ai', '--out', folder, '--json');
      expect([begun.stderr, begun.status]).toEqual(['', 0]);
      const { VITEST: _, NODE_OPTIONS: __, NODE_TEST_CONTEXT: ___, ...env } = process.env;
      const run = async (command: string, ...args: readonly string[]) => {
        const { status, stdout, stderr } = await runToEnd(command, args, { cwd: folder, env });
        return [status, status === 0 ? '' : stdout + stderr];
      };
      expect(await run(packed.node, '--test', 'acme-ai.test.mts')).toEqual([0, '']);
      const strict = [
        '--ignoreConfig',
        '--strict',
        '--noUncheckedIndexedAccess',
        '--exactOptionalPropertyTypes',
        '--noEmit',
      ];
      const modules = ['--module', 'nodenext', '--target', 'es2024', '--allowImportingTsExtensions', '--types', 'node'];
      const files = ['acme-ai.test.mts', 'keybaton.config.mts'];
      expect(await run(process.execPath, tool('typescript/bin/tsc'), ...strict, ...modules, ...files)).toEqual([0, '']);
      // As the author's own: vitest is not ours to bring.
      symlinkSync(join(root, 'node_modules', 'vitest'), join(packed.folder, 'node_modules', 'vitest'));
      expect(await run(process.execPath, tool('vitest/vitest.mjs'), 'run', '--root', folder)).toEqual([0, '']);
    },
  );

  it('does not start with an adapter for a contract that it does not know', async () => {
    const file = join(packed.folder, 'begun', 'acme-ai.mts');
    writeFileSync(file, readFileSync(file, 'utf8').replace('contract: 1,', 'contract: 2,'));
    const config = join(packed.folder, 'begun', 'keybaton.config.mts');
    const { status, stderr } = await keybatonWith({ KEYBATON_CONFIG: config }, 'apply', '--json');
    const { error } = JSON.parse(stderr) as { error: { message: string } };
    expect([status, error.message]).toEqual([
      errorTable.INVALID_CONFIG.exit,
      expect.stringContaining('provider acme-ai was written for contract 2'),
    ]);
  });

  it('stops at SIGTERM, with Temporal', async () => {
    expect(await up.stop()).toMatchObject({ code: 0 });
  });
});
