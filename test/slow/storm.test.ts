import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { root } from '../../scripts/setup/places.mjs';
import type { Verdict } from '../../scripts/storm/verdict.ts';

/** A short one: what needs many rotations or hours is judged by `npm run storm -- --minutes 60`. */
describe('a short storm', () => {
  let printed = '';
  let status: number | null = null;
  let mark = '';
  // What the storm itself wrote; the expectations below are its shape.
  let told: { readonly verdicts: readonly Verdict[]; readonly done: Record<string, number> };

  beforeAll(() => {
    const folder = temporaryFolder('storm-test');
    mark = folder.path;
    const done = spawnSync(
      process.execPath,
      [join(root, 'scripts', 'run.mjs'), 'scripts/storm/storm.ts', '--minutes', '0.5', '--seed', '7'],
      {
        cwd: folder.path,
        encoding: 'utf8',
        env: { ...process.env, KEYBATON_STORM_TEST: mark },
        timeout: 10 * 60_000,
        maxBuffer: 1e8,
      },
    );
    printed = `${done.stdout}${done.stderr}`;
    status = done.status;
    told = JSON.parse(readFileSync(join(folder.path, 'storm.json'), 'utf8'));
    folder.remove();
  }, 11 * 60_000);

  it('keeps every promise and says so by its exit code', () => {
    expect(
      told.verdicts.filter(({ kept }) => !kept),
      printed,
    ).toEqual([]);
    expect(status, printed).toBe(0);
  });

  it('had overlapping emergencies', () => {
    expect(told.done['emergency']).toBeGreaterThanOrEqual(2);
  });

  it('leaves no process behind', () => {
    const processes = execFileSync('ps', ['axeww', '-o', 'pid=,command='], { encoding: 'utf8', maxBuffer: 1e8 });
    expect(processes.split('\n').filter((line) => line.includes(`KEYBATON_STORM_TEST=${mark}`))).toEqual([]);
  });
});
