import { spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProgram, type Program } from '../../scripts/servers/program.ts';
import { toolPath } from '../../scripts/servers/tools.ts';
import { installPacked, type PackedInstall } from '../support/packed.ts';

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
    packed = installPacked();
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
  }, 5 * 60_000);
  afterAll(async () => {
    await up.stop();
    packed.remove();
  }, 60_000);

  function keybaton(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(packed.node, [packed.command, ...args], {
      cwd: packed.folder,
      encoding: 'utf8',
      env: { ...process.env, ...environment },
    });
  }

  it('applies, rotates and shows the version that the adapter made', { timeout: 120_000 }, () => {
    const applied = keybaton('apply', '--json');
    expect([applied.stderr, applied.status]).toEqual(['', 0]);
    const first = keybaton('rotate', 'sheet/test/app', '--wait', '--json');
    expect([first.stderr, first.status]).toEqual(['', 0]);
    const second = keybaton('rotate', 'sheet/test/app', '--wait', '--json');
    expect([second.stderr, second.status]).toEqual(['', 0]);
    const shown = keybaton('show', 'sheet/test/app', '--json');
    expect(shown.status).toBe(0);
    const { versions } = JSON.parse(shown.stdout) as { versions: readonly { fate: string }[] };
    expect(versions.map((version) => version.fate).toSorted()).toEqual(['current', 'dead']);
    expect(keybaton('audit', 'verify').status).toBe(0);
  });

  it('stops at SIGTERM, with Temporal', async () => {
    expect(await up.stop()).toMatchObject({ code: 0 });
  });
});
