/**
 * `npm run bench -- <subcommand> [--json FILE]`: what keybaton costs, beside what the same would cost at the least. Prints
 * a table, and ends with exit code 1 when a target is missed.
 */
import { parseArgs } from 'node:util';
import { measureEmergency } from './emergency.ts';
import { measureReads } from './reads.ts';
import { measureReplay } from './replay.ts';
import { report, type Measured } from './report.ts';
import { measureRotationParts } from './rotation-parts.ts';
import { closing, type Closing } from './stage.ts';
import { measureSweep } from './sweep.ts';
import { measureWaiting } from './waiting.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'string' },
    /** Seconds of one block, and how many pairs of blocks. */
    seconds: { type: 'string', default: '20' },
    blocks: { type: 'string', default: '3' },
    'in-flight': { type: 'string', default: '8' },
    /** Of `rotation` one part alone: floor, or postgres. */
    only: { type: 'string' },
    /** Sizes of emergencies. */
    keys: { type: 'string', default: '1,100' },
    /** Seconds that replacements of dead keys are waited for. */
    replacing: { type: 'string', default: '3600' },
    credentials: { type: 'string', default: '100000' },
    rounds: { type: 'string', default: '3' },
    /** Reads in a second. */
    rate: { type: 'string', default: '200' },
    rotations: { type: 'string', default: '10000' },
  },
});
const number = (name: Exclude<keyof typeof values, 'json' | 'keys' | 'only'>): number => Number(values[name]);

const subcommands: Readonly<Record<string, (close: Closing) => Promise<Measured>>> = {
  rotation: (close) =>
    measureRotationParts(
      close,
      { seconds: number('seconds'), blocks: number('blocks'), inFlight: number('in-flight') },
      values.only,
    ),
  emergency: (close) =>
    measureEmergency(close, {
      sizes: values.keys.split(',').map(Number),
      replacing: number('replacing') * 1_000,
    }),
  waiting: (close) => measureWaiting(close, { many: number('rotations') }),
  sweep: (close) => measureSweep(close, { credentials: number('credentials'), rounds: number('rounds') }),
  reads: (close) =>
    measureReads(close, { perSecond: number('rate'), seconds: number('seconds'), blocks: number('blocks') }),
  replay: (close) => measureReplay(close, { rounds: 10 * number('rounds') }),
};

const [name = ''] = positionals;
const measure = subcommands[name];
if (measure === undefined) {
  console.error(`bench: one of ${Object.keys(subcommands).join(', ')}`);
  process.exit(2);
}
const close = closing();
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => void close.close().finally(() => process.exit(code)));
try {
  process.exitCode = report(await measure(close), values.json) ? 0 : 1;
} catch (error) {
  console.error(`${name} could not be measured: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
await close.close();
process.exit();
