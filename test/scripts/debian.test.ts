import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import type { TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { bringDebian } from '../../scripts/setup/debian.mjs';

let folder: TemporaryFolder;
let home: string;

beforeEach(() => {
  folder = temporaryFolder('debian');
  home = join(folder.path, 'home');
  mkdirSync(join(folder.path, 'bin'));
  vi.stubEnv('PATH', `${join(folder.path, 'bin')}:/usr/bin:/bin`);
});

afterEach(() => {
  vi.unstubAllEnvs();
  folder.remove();
});

function program(name: string, script: string): void {
  writeFileSync(join(folder.path, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** An apt that notes how it was called and puts one package where it was told to. */
function apt(script: string): void {
  program('apt-get', `echo "$*" >> ${join(folder.path, 'calls')}\n${script}`);
}

const calls = () => readFileSync(join(folder.path, 'calls'), 'utf8').trim().split('\n');
const archives = `for word in "$@"; do case $word in Dir::Cache::archives=*) to=\${word#*=};; esac; done`;
const unpacks = `mkdir -p "$3/usr/bin" "$3/usr/lib/some-linux-gnu"; printf x > "$3/usr/bin/acme-server"; chmod 755 "$3/usr/bin/acme-server"`;
const bring = () => bringDebian('acme-server', 'usr/bin/acme-server', () => undefined, home);

describe('a server out of a Debian package', () => {
  it('is the one of the system where there is one', () => {
    program('acme-server', 'true');
    apt('exit 1');
    expect(bring()).toEqual({ path: join(folder.path, 'bin', 'acme-server') });
    expect(existsSync(home)).toBe(false);
  });

  it('is unpacked beside the checkout, with its libraries, and not fetched again', () => {
    apt(`${archives}; touch "$to/acme.deb"`);
    program('dpkg', unpacks);
    const root = join(home, 'acme-server');
    const found = {
      path: join(root, 'usr/bin/acme-server'),
      root,
      libraries: [join(root, 'usr/lib/some-linux-gnu')],
    };
    expect(bring()).toEqual(found);
    expect(calls()).toHaveLength(1);
    expect(calls()[0]).toMatch(/--download-only install acme-server$/);
    expect(readdirSync(home)).toEqual(['acme-server']);
    expect(bring()).toEqual(found);
    expect(calls()).toHaveLength(1);
  });

  it('is looked up in lists of our own when those of the system do not do', () => {
    apt(
      `${archives}; case "$*" in *lists=*update) exit 0;; *lists=*install*) touch "$to/acme.deb";; *) echo E: stale >&2; exit 100;; esac`,
    );
    program('dpkg', unpacks);
    expect(bring()).toMatchObject({ path: join(home, 'acme-server/usr/bin/acme-server') });
    expect(calls()).toHaveLength(3);
  });

  it('is missing for the reason that apt gives, and leaves nothing half unpacked', () => {
    apt('echo "E: no network" >&2; exit 100');
    expect(bring()).toEqual({
      missing: 'acme-server could not be fetched: apt-get ended with 100: E: no network',
    });
    expect(readdirSync(home)).toEqual([]);
  });

  it('is missing when the package does not hold it', () => {
    apt(`${archives}; touch "$to/acme.deb"`);
    program('dpkg', 'mkdir -p "$3"');
    expect(bring()).toEqual({
      missing: 'acme-server could not be fetched: the package holds no usr/bin/acme-server',
    });
    expect(readdirSync(home)).toEqual([]);
  });

  it('is missing where there is no apt', () => {
    vi.stubEnv('PATH', join(folder.path, 'bin'));
    expect(bring()).toEqual({
      missing: 'acme-server could not be fetched: apt-get is not here: this is no Debian or Ubuntu',
    });
  });
});
