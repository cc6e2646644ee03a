import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { root } from '../../scripts/setup/places.mjs';

/** Folders of demos: of this one, and of others that may run on this machine. */
const demoFolders = (): readonly string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('keybaton-demo-'));

describe('the demo', () => {
  let printed = '';
  let status: number | null = null;
  // What the demo itself measured; the expectations below are its shape.
  let measured: Record<string, unknown> = {};
  let foldersBefore: readonly string[] = [];
  let mark = '';

  beforeAll(() => {
    const folder = temporaryFolder('demo-test');
    mark = folder.path;
    foldersBefore = demoFolders();
    const done = spawnSync(process.execPath, [join(root, 'scripts', 'run.mjs'), 'scripts/demo/demo.ts'], {
      cwd: folder.path,
      encoding: 'utf8',
      env: { ...process.env, KEYBATON_DEMO_TEST: mark },
      timeout: 12 * 60_000,
      maxBuffer: 1e8,
    });
    printed = `${done.stdout}${done.stderr}`;
    status = done.status;
    measured = JSON.parse(readFileSync(join(folder.path, 'demo.json'), 'utf8')) as Record<string, unknown>;
    folder.remove();
  }, 13 * 60_000);

  it('keeps every promise and says so by its exit code', () => {
    expect(status, printed).toBe(0);
    expect(printed).not.toMatch(/BROKEN/);
    expect(measured['ok']).toBe(true);
  });

  it('measures what it promises, in demo.json', () => {
    expect(measured).toMatchObject({
      rotations: 7,
      failedQueries: 0,
      heldThenReleased: true,
      crashRecovered: true,
      strayCredentials: 0,
      rolledBack: true,
      secretHits: 0,
    });
    expect(Object.keys(measured)).toEqual([
      'ok',
      'rotations',
      'queries',
      'newConnections',
      'failedQueries',
      'retriedQueries',
      'heldThenReleased',
      'crashRecovered',
      'strayCredentials',
      'rolledBack',
      'secretHits',
      'controlsPlanted',
      'controlsFound',
      'secondsTotal',
      'steps',
    ]);
  });

  it('works the database hard: at least 2,000 queries, a new connection at least every tenth', () => {
    const queries = Number(measured['queries']);
    expect(queries).toBeGreaterThanOrEqual(2_000);
    expect(Number(measured['newConnections']) * 10).toBeGreaterThanOrEqual(queries);
  });

  it('finds every control value that it planted', () => {
    expect(Number(measured['controlsPlanted'])).toBeGreaterThan(50);
    expect(measured['controlsFound']).toBe(measured['controlsPlanted']);
  });

  it('leaves no process and no folder behind', () => {
    const processes = execFileSync('ps', ['axeww', '-o', 'pid=,command='], { encoding: 'utf8', maxBuffer: 1e8 });
    const left = processes.split('\n').filter((line) => line.includes(`KEYBATON_DEMO_TEST=${mark}`));
    expect(left).toEqual([]);
    expect(demoFolders().filter((name) => !foldersBefore.includes(name))).toEqual([]);
  });
});
