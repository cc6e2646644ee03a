import { fileURLToPath } from 'node:url';
import { startScript } from '../servers/child-process.ts';
import type { Measured } from './report.ts';
import type { Closing } from './stage.ts';

/** One sweep over credentials of which nothing is due, in a process of its own: how long, and how much memory. */
export async function measureSweep(
  close: Closing,
  { credentials, rounds }: { readonly credentials: number; readonly rounds: number },
): Promise<Measured> {
  const runs: Swept[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const program = await startScript({
      file: fileURLToPath(new URL('../../test/ledger/bench-sweep.ts', import.meta.url)),
      args: [`${credentials}`],
    });
    close.add(() => program.stop());
    await program.ended;
    const [line] = /^\{.*\}$/m.exec(program.output()) ?? [];
    if (line === undefined) throw new Error(`the sweep told nothing: ${program.output()}`);
    // The line is written by that script.
    runs.push(JSON.parse(line) as Swept);
  }
  const name = credentials.toLocaleString('en-US');
  return {
    name: 'sweep',
    figures: [
      {
        what: `a sweep over ${name} credentials, the slowest of ${rounds}`,
        value: Math.max(...runs.map(({ seconds }) => seconds)),
        unit: 's',
        target: { atMost: 5 },
      },
      {
        what: 'memory of its process at the most',
        value: Math.max(...runs.map(({ peakMegabytes }) => peakMegabytes)),
        unit: 'MB',
        target: { atMost: 400 },
      },
    ],
    raw: { credentials, runs },
  };
}

interface Swept {
  readonly seconds: number;
  readonly peakMegabytes: number;
}
