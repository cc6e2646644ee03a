import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closingLine } from '../../scripts/closing-line-reporter.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { root } from '../../scripts/setup/places.mjs';

describe('the closing line', () => {
  it.each([
    [{ passed: 3, failed: 0, skipped: 0 }, '3 passed, 0 failed'],
    [{ passed: 3, failed: 1, skipped: 2 }, '3 passed, 1 failed, 2 skipped'],
  ])('of %o is "%s"', (counts, line) => {
    expect(closingLine(counts)).toBe(line);
  });
});

describe('a run of tests', () => {
  let folder = '';

  // Inside the checkout, so that the tests of this run find vitest.
  beforeAll(() => {
    mkdirSync(join(root, 'node_modules', '.cache'), { recursive: true });
    folder = mkdtempSync(join(root, 'node_modules', '.cache', 'reporter-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function runOf(body: string): { status: number | null; lines: string[] } {
    const project = mkdtempSync(join(folder, 'run-'));
    const reporter = JSON.stringify(join(root, 'scripts', 'closing-line-reporter.ts'));
    writeFileSync(
      join(project, 'vitest.config.ts'),
      `import { closingLineReporter } from ${reporter};\nexport default { test: { include: ['*.test.ts'], reporters: ['default', closingLineReporter()] } };\n`,
    );
    writeFileSync(
      join(project, 'a.test.ts'),
      `import { beforeAll, beforeEach, describe, expect, it } from 'vitest';\n${body}\n`,
    );
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const run = spawnSync(process.execPath, [vitest, 'run', '--root', project], {
      cwd: project,
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1', VITEST: undefined, VITEST_POOL_ID: undefined, VITEST_WORKER_ID: undefined },
    });
    return { status: run.status, lines: run.stdout.trimEnd().split('\n') };
  }

  it('that passes says so in its last line', () => {
    const { status, lines } = runOf("it('a', () => {});");
    expect([status, lines.at(-1)]).toEqual([0, '1 passed, 0 failed']);
  });

  it('names every failure with the first line of its error, at the end', () => {
    const { lines } = runOf("describe('d', () => { it('a', () => { throw new Error('no\\nmore'); }); });");
    expect(lines.at(-2)).toBe('failed: a.test.ts > d > a: no');
  });

  it('lists every skip with its reason', () => {
    const { status, lines } = runOf("it('a', () => {});\nit('b', ({ skip }) => skip('no pip here'));");
    expect([status, lines.at(-1)]).toEqual([0, '1 passed, 0 failed, 1 skipped']);
    expect(lines).toContain('skipped: a.test.ts > b: no pip here');
  });

  it('names what passed only at its second try', () => {
    const { status, lines } = runOf("let tries = 0;\nit('a', { retry: 1 }, () => expect(tries++, 'tries').toBe(1));");
    expect([status, lines.at(-1)]).toEqual([0, '1 passed, 0 failed']);
    expect(lines.at(-2)).toBe('second try: a.test.ts > a: tries: expected +0 to be 1 // Object.is equality');
  });

  it.each([
    ['a failed test', "it('a', () => {});\nit('b', () => expect(1).toBe(2));", '1 passed, 1 failed'],
    ['a skip without a reason', "it('a', () => {});\nit.skip('b', () => {});", '1 passed, 0 failed, 1 skipped'],
    ['tests that were all skipped', "it('a', ({ skip }) => skip('why'));", '0 passed, 0 failed, 1 skipped'],
    ['a file that does not load', "it('a', () => {});\nthrow new Error('broken');", '0 passed, 1 failed'],
    [
      'a suite whose preparation fails',
      "it('a', () => {});\ndescribe('d', () => { beforeAll(() => { throw new Error('no'); }); it('b', () => {}); });",
      '1 passed, 1 failed, 1 skipped',
    ],
    [
      'a promise that nobody awaited',
      "it('a', async () => { void Promise.reject(new Error('lost')); await new Promise((done) => setTimeout(done, 50)); });",
      '1 passed, 1 failed',
    ],
  ])('fails by %s', (_, body, line) => {
    const { status, lines } = runOf(body);
    expect([status, lines.at(-1)]).toEqual([1, line]);
  });
});

describe('.ci/run', () => {
  /** Runs the gate with an `npm` that prints and ends as told for each of the three steps. */
  function gate(steps: Record<'check' | 'test' | 'test:all', readonly [line: string, exit: number]>) {
    const folder = temporaryFolder('gate');
    mkdirSync(join(folder.path, '.ci'));
    mkdirSync(join(folder.path, 'bin'));
    copyFileSync(join(root, '.ci', 'run'), join(folder.path, '.ci', 'run'));
    const cases = Object.entries(steps).map(([step, [line, exit]]) => `  ${step}) echo '${line}'; exit ${exit} ;;`);
    const npm = join(folder.path, 'bin', 'npm');
    writeFileSync(
      npm,
      ['#!/bin/sh', 'case $1 in run) step=$2 ;; *) step=$1 ;; esac', 'case $step in', ...cases, 'esac', ''].join('\n'),
    );
    chmodSync(npm, 0o755);
    const run = spawnSync('bash', [join(folder.path, '.ci', 'run')], {
      encoding: 'utf8',
      env: { ...process.env, PATH: [join(folder.path, 'bin'), process.env['PATH']].join(delimiter) },
    });
    folder.remove();
    return [run.status, run.stdout.trimEnd().split('\n').at(-1)];
  }

  it('sums up both test runs in its last line', () => {
    const steps = {
      check: ['ok', 0],
      test: ['10 passed, 0 failed, 1 skipped', 0],
      'test:all': ['5 passed, 0 failed', 0],
    } as const;
    expect(gate(steps)).toEqual([0, '15 passed, 0 failed, 1 skipped']);
  });

  it('goes on after a failure, and fails', () => {
    const steps = {
      check: ['ok', 0],
      test: ['10 passed, 2 failed', 1],
      'test:all': ['5 passed, 1 failed', 1],
    } as const;
    expect(gate(steps)).toEqual([1, '15 passed, 3 failed']);
  });

  it('counts a step that fails without a failed test as one failure', () => {
    const steps = {
      check: ['a rule is broken', 1],
      test: ['10 passed, 0 failed', 0],
      'test:all': ['crashed', 7],
    } as const;
    expect(gate(steps)).toEqual([1, '10 passed, 2 failed']);
  });

  it('is a script that bash accepts and everybody may run', () => {
    execFileSync('bash', ['-n', join(root, '.ci', 'run')]);
    execFileSync('test', ['-x', join(root, '.ci', 'run')]);
  });
});
