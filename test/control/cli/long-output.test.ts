import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../../../scripts/setup/places.mjs';
import { temporaryFolder } from '../../../scripts/servers/temporary-folder.ts';

const many = 1_200;

const targets = (home: string): string => `targets:
  world: { provider: in-memory, environment: test, admin: 'env:TEST_ADMIN', teams: [one], settings: {} }
backends:
  vault: { kind: embedded, settings: { file: ${home}/vault.sqlite } }
`;

const inventory = `teams: [one]
credentials:
${Array.from(
  { length: many },
  (_, index) =>
    `  in-memory/test/app-${index}: { target: world, team: one, schedule: { every: 90d }, backends: [vault], consumers: { none: of a test }, silence: { no: of a test } }\n`,
).join('')}`;

/** What a command printed to somebody who begins to read only after a while. */
function readLate(folder: string, home: string, line: string) {
  const command = `"${process.execPath}" "${join(root, 'bin', 'keybaton.js')}" ${line} | { sleep 3; cat; }`;
  return execFileSync('bash', ['-o', 'pipefail', '-c', command], {
    cwd: folder,
    env: { ...process.env, KEYBATON_HOME: home, TEST_ADMIN: 'admin', KEYBATON_LOG_LEVEL: 'error' },
    encoding: 'utf8',
    maxBuffer: 100_000_000,
  });
}

test('a long answer reaches a slow reader to its last character', { timeout: 120_000 }, () => {
  const folder = temporaryFolder('long-output');
  const home = join(folder.path, 'home');
  mkdirSync(home, { mode: 0o700 });
  writeFileSync(join(folder.path, 'targets.yml'), targets(home));
  writeFileSync(join(folder.path, 'inventory.yml'), inventory);
  readLate(folder.path, home, 'apply');

  const printed = readLate(folder.path, home, 'list --json');

  expect(printed.length).toBeGreaterThan(250_000);
  expect(JSON.parse(printed)).toMatchObject({ credentials: { length: many } });
  folder.remove();
});
