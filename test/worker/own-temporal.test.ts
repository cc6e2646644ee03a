import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findCli, startOwnTemporal } from '../../worker/own-temporal.ts';
import { readSettings } from '../../worker/settings.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keybaton-own-temporal-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('the newest Temporal CLI that set-up brought into a checkout is found', () => {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const name of ['bao-2.7.2', 'temporal-1.9.1', 'temporal-1.10.0', 'temporal-test-server-1.40.0'])
    writeFileSync(join(bin, name), '');
  expect(findCli({ PATH: folder }, pathToFileURL(`${bin}/`))).toBe(join(bin, 'temporal-1.10.0'));
});

test('a TEMPORAL_CLI that does not exist is refused by its name, not passed over for another one', () => {
  expect(() => findCli({ PATH: '', TEMPORAL_CLI: join(folder, 'nowhere') })).toThrow('there is no such file');
});

test("Temporal's own process is given none of our secrets in its environment, and says in a log when it ended", async () => {
  const cli = join(folder, 'temporal');
  // Stands in for the server: shows what it was given, and ends.
  writeFileSync(cli, '#!/bin/sh\nenv\n');
  chmodSync(cli, 0o700);
  const environment = {
    ...process.env,
    KEYBATON_HOME: join(folder, 'home'),
    TEMPORAL_CLI: cli,
    TEMPORAL_ADDRESS: undefined,
    PLAYGROUND_ADMIN: 'canary-admin-credential',
    KEYBATON_INSTALLATION_KEY: 'canary-installation-key',
    KEYBATON_LEDGER: 'postgres://keybaton:canary-ledger-password@127.0.0.1/ledger',
  };
  process.env['PLAYGROUND_ADMIN'] = environment.PLAYGROUND_ADMIN;
  try {
    await expect(startOwnTemporal(readSettings(environment), environment)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
  } finally {
    delete process.env['PLAYGROUND_ADMIN'];
  }
  const shown = readFileSync(join(folder, 'home', 'temporal.log'), 'utf8');
  expect(shown).toContain(`PATH=`);
  expect(shown).not.toContain('canary');
  expect(shown).not.toContain('KEYBATON');
});

test("files that Temporal's own process makes can be read by their owner alone", async () => {
  const cli = join(folder, 'temporal');
  writeFileSync(cli, `#!/bin/sh\n: > '${join(folder, 'made')}'\n`);
  chmodSync(cli, 0o700);
  const environment = { ...process.env, KEYBATON_HOME: join(folder, 'home'), TEMPORAL_CLI: cli };
  await expect(startOwnTemporal(readSettings(environment), environment)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(statSync(join(folder, 'made')).mode & 0o077).toBe(0);
});

test('a server of somebody else at the port is not taken for ours: another port is', { timeout: 60_000 }, async () => {
  // Stands in for two that were started in the same moment: the first time another one, which knows no home, has the port.
  const [cli, first] = [join(folder, 'temporal'), join(folder, 'first')];
  writeFileSync(
    cli,
    `#!${process.execPath}
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { spawn } = require('node:child_process');
const at = (name) => process.argv[process.argv.indexOf(name) + 1];
const listen = "require('node:net').createServer((one) => one.end()).listen(Number(process.argv[1]), '127.0.0.1'); setTimeout(() => process.exit(), 20_000)";
if (process.argv[2] !== 'server') {
  const port = at('--address').split(':')[1];
  process.exit(readFileSync(${JSON.stringify(first)}, 'utf8').startsWith(port) && at('-n') !== 'default' ? 1 : 0);
} else if (!existsSync(${JSON.stringify(first)})) {
  const other = spawn(process.execPath, ['-e', listen, at('--port')], { detached: true, stdio: 'ignore' });
  other.unref();
  writeFileSync(${JSON.stringify(first)}, at('--port') + ' ' + other.pid);
  setTimeout(() => process.exit(1), 1_500);
} else {
  process.argv[1] = at('--port');
  eval(listen);
}
`,
  );
  chmodSync(cli, 0o700);
  const environment = { ...process.env, KEYBATON_HOME: join(folder, 'home'), TEMPORAL_CLI: cli };
  const own = await startOwnTemporal(readSettings(environment), environment);
  const [taken, other] = readFileSync(first, 'utf8').split(' ');
  process.kill(Number(other));
  await own.stop();
  expect(own.address).not.toBe(`127.0.0.1:${taken}`);
});
