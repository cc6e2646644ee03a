import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { temporaryFolder, type TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { bringEmulators } from '../../scripts/setup/emulators.mjs';

let folder: TemporaryFolder;
const said: string[] = [];
beforeEach(() => {
  folder = temporaryFolder('emulators');
  mkdirSync(join(folder.path, 'bin'));
  said.length = 0;
  vi.stubEnv('PATH', `${join(folder.path, 'bin')}:/usr/bin:/bin`);
});
afterEach(() => {
  vi.unstubAllEnvs();
  folder.remove();
});

const home = () => join(folder.path, 'home');
const calls = () => (existsSync(join(folder.path, 'calls')) ? readFileSync(join(folder.path, 'calls'), 'utf8') : '');
const bring = () => bringEmulators((line: string) => void said.push(line), home());
const found = (): { missing?: string } => JSON.parse(readFileSync(join(home(), 'found.json'), 'utf8'));

/** A Python whose environments have this pip. */
function python(pip: string): void {
  const script = `#!/bin/sh\nmkdir -p "$3/bin"\nprintf '#!/bin/sh\\necho "$*" >> ${join(folder.path, 'calls')}\\n${pip}\\n' > "$3/bin/pip"\nchmod 755 "$3/bin/pip"\n`;
  writeFileSync(join(folder.path, 'bin', 'python3'), script, { mode: 0o755 });
}

describe('the emulators of the slow tests', () => {
  it('are installed by pip with their versions, once', () => {
    python('true');
    bring();
    bring();
    expect(calls().trim().split('\n')).toEqual([expect.stringMatching(/install .*moto\[server\]==\S+ drongo==\S+$/)]);
    expect(found().missing).toBeUndefined();
    expect(said).toHaveLength(1);
  });

  it('come from wherever the person tells pip to take packages', () => {
    python('true');
    bring();
    expect(calls()).not.toMatch(/index|isolated|find-links/);
  });

  it('are missing with what pip says last, and tried again', () => {
    python('echo one >&2; echo no room is left >&2; exit 1');
    bring();
    expect(found().missing).toMatch(/no room is left$/);
    python('true');
    bring();
    expect(found().missing).toBeUndefined();
  });

  it('are missing where there is no Python', () => {
    vi.stubEnv('PATH', join(folder.path, 'bin'));
    bring();
    expect(found().missing).toMatch(/python3 is not here/);
    expect(said.at(-1)).toMatch(/the tests that need them are skipped/);
  });
});
