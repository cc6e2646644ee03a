import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import type { TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { root } from '../../scripts/setup/places.mjs';

const minutes = 60_000;

interface User {
  readonly uid: number;
  readonly gid: number;
}

function nobody(): User {
  const id = (kind: string) => Number(execFileSync('id', [kind, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** A clone of what is committed, with a home folder beside it, both of the user. */
function freshClone(user?: User): { place: TemporaryFolder; clone: string; home: string } {
  const place = temporaryFolder('clone');
  const clone = join(place.path, 'clone');
  const home = join(place.path, 'home');
  mkdirSync(home);
  execFileSync('git', ['clone', '--quiet', `file://${root}`, clone]);
  if (user !== undefined) {
    chmodSync(place.path, 0o755);
    execFileSync('chown', ['-R', `${user.uid}:${user.gid}`, clone, home]);
  }
  return { place, clone, home };
}

/** What a newcomer's shell has: no node_modules/.bin in front, none of our variables. */
function newcomer(home: string, more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((entry) => !entry.startsWith(root));
  const ours = /^(npm_|VITEST|KEYBATON|TEMPORAL|NODE_|INIT_CWD)/;
  const rest = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
  return { ...rest, PATH: path.join(delimiter), HOME: home, ...more };
}

function run(command: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv } & Partial<User>) {
  const [program = '', ...args] = command;
  const done = spawnSync(program, args, { ...options, encoding: 'utf8', timeout: 10 * minutes });
  return {
    status: done.status,
    output: `${done.stdout}${done.stderr}`,
    lastLine: done.stdout.trimEnd().split('\n').at(-1),
  };
}

// It downloads all it needs anew, from registries that are not ours: one more try, and a failure shows what was printed.
const servers = ['npm', 'test', '--', 'test/scripts/servers.test.ts'];

describe('a fresh clone', () => {
  it(
    'runs tests on real servers by one command, with install scripts of packages switched off',
    { timeout: 15 * minutes, retry: 1 },
    () => {
      const { place, clone, home } = freshClone();
      const env = newcomer(home, { npm_config_ignore_scripts: 'true' });
      const first = run(servers, { cwd: clone, env });
      expect(first.output).toContain('setup: installing npm packages');
      expect([first.status, first.lastLine], first.output.slice(-2_000)).toEqual([
        0,
        expect.stringMatching(/^\d+ passed, 0 failed/),
      ]);

      const again = run(['node', 'scripts/setup.mjs'], { cwd: clone, env });
      expect(again).toMatchObject({ status: 0, output: '' });
      place.remove();
    },
  );

  it('runs them for an ordinary user as well', { timeout: 15 * minutes, retry: 1 }, ({ skip }) => {
    if (process.getuid?.() !== 0) skip('only root can become another user; the test before ran as an ordinary one');
    const user = nobody();
    const { place, clone, home } = freshClone(user);
    const done = run(servers, { cwd: clone, env: newcomer(home), ...user });
    expect([done.status, done.lastLine], done.output.slice(-2_000)).toEqual([
      0,
      expect.stringMatching(/^\d+ passed, 0 failed/),
    ]);
    expect(existsSync(join(clone, '.servers', 'tools.json'))).toBe(true);
    place.remove();
  });
});
