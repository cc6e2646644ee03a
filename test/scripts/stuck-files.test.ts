import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../scripts/setup/places.mjs';
import { runToEnd } from '../support/run-to-end.ts';

describe('a run of tests with a file that does not end', () => {
  let folder = '';

  // Inside the checkout, so that the tests of this run find vitest.
  beforeAll(() => {
    mkdirSync(join(root, 'node_modules', '.cache'), { recursive: true });
    folder = mkdtempSync(join(root, 'node_modules', '.cache', 'stuck-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  async function runOf(body: string) {
    const project = mkdtempSync(join(folder, 'run-'));
    const from = (name: string): string => JSON.stringify(join(root, 'scripts', `${name}-reporter.ts`));
    writeFileSync(
      join(project, 'vitest.config.ts'),
      `import { closingLineReporter } from ${from('closing-line')};
       import { stuckFilesReporter } from ${from('stuck-files')};
       const closing = closingLineReporter();
       const reporters = ['default', closing, stuckFilesReporter(closing, { file: 3_000, end: 1_500 })];
       export default { test: { include: ['*.test.ts'], pool: 'forks', reporters } };`,
    );
    writeFileSync(join(project, 'a.test.ts'), body);
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const { VITEST: _, VITEST_POOL_ID: __, VITEST_WORKER_ID: ___, ...env } = process.env;
    const ran = await runToEnd(process.execPath, [vitest, 'run', '--root', project], {
      cwd: project,
      env: { ...env, NO_COLOR: '1' },
    });
    return { status: ran.status, printed: ran.stdout, closing: ran.stdout.trimEnd().split('\n').at(-1) };
  }

  it('ends what that file waits for, names both, and fails', { timeout: 120_000 }, async () => {
    const { status, printed, closing } = await runOf(
      `import { execFileSync } from 'node:child_process';
       import { it } from 'vitest';
       it('waits', () => void execFileSync('sleep', ['301']));
       it('is whole', () => {});`,
    );
    expect(printed).toMatch(/stuck: a\.test\.ts has not ended after 0\.05 minutes; below it ran:\n.*sleep 301/);
    expect([status, closing]).toEqual([1, '1 passed, 1 failed']);
  });

  it('ends by itself though a process that outlived its file holds a pipe', { timeout: 120_000 }, async () => {
    const { status, printed, closing } = await runOf(
      `import { spawn } from 'node:child_process';
       import { it } from 'vitest';
       it('leaves one behind', () => spawn('sleep', ['302'], { stdio: 'inherit', detached: true }).unref());`,
    );
    const left = /stuck: all files have ended [^]*?\n\s+(\d+) \(of .*sleep 302/.exec(printed)?.[1];
    expect(left, printed).toBeDefined();
    process.kill(Number(left), 'SIGKILL');
    expect([status, closing]).toEqual([1, '1 passed, 1 failed']);
    expect(printed).toContain('failed: outside every file: the run did not end by itself');
  });
});
