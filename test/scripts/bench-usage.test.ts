import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { processorSeconds, processorSecondsOfAll } from '../../scripts/bench/usage.ts';
import { startProgram } from '../../scripts/servers/program.ts';

const burn = 'const until = process.cpuUsage().user + 300000; while (process.cpuUsage().user < until);';

// The books are those of Linux; elsewhere both answer NaN, and the benchmarks say nothing of processor time.
it.skipIf(!existsSync('/proc/self/stat'))(
  'counts what children of a program have used, also after they have ended',
  async () => {
    const work = `require('node:child_process').execFileSync(process.execPath, ['-e', ${JSON.stringify(burn)}])`;
    const parent = await startProgram({
      title: 'a program whose child works',
      command: process.execPath,
      args: ['-e', `${work}; console.log('done'); process.stdin.resume()`],
    });
    try {
      await parent.printed(/done/);
      expect(processorSecondsOfAll(parent.pid)).toBeGreaterThanOrEqual(processorSeconds(parent.pid) + 0.28);
    } finally {
      await parent.kill();
    }
  },
);
