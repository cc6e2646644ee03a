import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { root } from '../../scripts/setup/places.mjs';
import { openBrowser, textOf } from '../web/browser.ts';

/** Folders of demos: of this one, and of others that may run on this machine. */
const demoFolders = (): readonly string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('keybaton-demo-'));

describe('the demo', () => {
  let printed = '';
  let status: number | null = null;
  // What the demo itself measured; the expectations below are its shape.
  let measured: Record<string, unknown> = {};
  let foldersBefore: readonly string[] = [];
  let mark = '';

  /** What somebody saw at the page that the demo names, while it ran. */
  const seen: string[] = [];

  /** Signs in as the demo says, and looks again and again until a rotation of the demo is there to be seen. */
  async function look(at: string, token: string): Promise<void> {
    const browser = openBrowser(at);
    await browser.signIn(token);
    for (; status === null; await wait(2_000))
      for (const path of ['/', '/rotations', '/incidents']) {
        const page = await browser.get(path);
        if (page.status === 200) seen.push(textOf(page));
      }
  }

  beforeAll(async () => {
    const folder = temporaryFolder('demo-test');
    mark = folder.path;
    foldersBefore = demoFolders();
    const child = spawn(process.execPath, [join(root, 'scripts', 'run.mjs'), 'scripts/demo/demo.ts'], {
      cwd: folder.path,
      env: { ...process.env, KEYBATON_DEMO_TEST: mark },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 12 * 60_000,
    });
    const ended = once(child, 'close');
    let looking: Promise<unknown> | undefined;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (part: Buffer) => {
        printed += part.toString();
        const [, at, token] = /watch it all at (http:\S+) [^]*?sign in with (\S+)\n/.exec(printed) ?? [];
        // The page goes with the demo, in the middle of a question.
        if (at !== undefined && token !== undefined) looking ??= look(at, token).catch(() => undefined);
      });
    const [code] = (await ended) as [number | null];
    status = code ?? -1;
    await looking;
    measured = JSON.parse(readFileSync(join(folder.path, 'demo.json'), 'utf8')) as Record<string, unknown>;
    folder.remove();
  }, 13 * 60_000);

  it('keeps every promise and says so by its exit code', () => {
    expect(status, printed).toBe(0);
    expect(printed).not.toMatch(/BROKEN/);
    expect(measured['ok']).toBe(true);
  });

  it('prints the address of its page, and the same run is seen there', () => {
    for (const [what, shown] of [
      ['its credentials', /postgres-roles\/\S+[^]*openai\/|openai\/\S+[^]*postgres-roles\//],
      ['a rotation in flight', /issuing|verifying|promoting|confirming|held|soaking|revoking|destroying/],
      ['the emergency', /i\d{8}-[a-z0-9]+/],
    ] as const)
      expect([what, seen.some((text) => shown.test(text))]).toEqual([what, true]);
  });

  it('measures what it promises, in demo.json', () => {
    expect(measured).toMatchObject({
      attackerQueriesAfterDead: 0,
      dueFound: 3,
      unmanagedFound: 1,
      failedQueries: 0,
      heldThenReleased: true,
      crashRecovered: true,
      strayCredentials: 0,
      rolledBack: true,
      secretHits: 0,
    });
    // Two first versions, five in the first acts, one after the theft, twelve jobs, and three of them again.
    expect(Number(measured['rotations'])).toBeGreaterThanOrEqual(23);
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
      'secondsToContained',
      'secondsToProvedDead',
      'secondsToConfirmed',
      'attackerQueriesAfterDeclared',
      'attackerQueriesAfterDead',
      'queriesFailedMeanwhile',
      'dueFound',
      'unmanagedFound',
    ]);
    for (const moment of ['secondsToContained', 'secondsToProvedDead', 'secondsToConfirmed'])
      expect(Number(measured[moment]), moment).toBeGreaterThan(0);
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
