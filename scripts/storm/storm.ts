/**
 * `npm run storm`: keybaton as processes over real protocols, applications that use what they read, people who rotate,
 * pause, freeze, roll back, edit and declare overlapping emergencies, and workers that are ended at random. The seed
 * decides who does what. Ends with a table and storm.json, and with exit code 1 when a promise broke.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { chance } from '../simulate/chance.ts';
import { calm } from './files.ts';
import { blow } from './run-storm.ts';
import { table } from './table.ts';
import { judge } from './verdict.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string', default: 'storm.json' },
    /** Seconds given to come to rest. */
    rest: { type: 'string', default: '180' },
    /** Breaks something on purpose: `keeps-first` (an application), `no-silence` (that application, and the workers). */
    fault: { type: 'string' },
  },
});
const faults = ['keeps-first', 'no-silence'];
if (values.fault !== undefined && !faults.includes(values.fault)) {
  console.error(`storm: --fault is one of ${faults.join(', ')}`);
  process.exit(2);
}

const began = performance.now();
const say = (text: string): void =>
  console.log(`${((performance.now() - began) / 1_000).toFixed(1).padStart(8)} s  ${text}`);
const closers: (() => Promise<unknown> | void)[] = [];
let closed: Promise<void> | undefined;
function close(): Promise<void> {
  closed ??= (async () => {
    for (const one of closers.toReversed()) {
      try {
        await one();
      } catch (error) {
        say(`not stopped: ${String(error)}`);
        process.exitCode = 1;
      }
    }
  })();
  return closed;
}
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => void close().finally(() => process.exit(code)));

try {
  const minutes = Number(values.minutes);
  const seed = Number(values.seed);
  say(`a storm of ${minutes} minutes, seed ${seed}${values.fault === undefined ? '' : `, fault ${values.fault}`}`);
  const blown = await blow({
    lasts: minutes * 60_000,
    restWithin: Number(values.rest) * 1_000,
    chance: chance(seed),
    closing: (one) => void closers.push(one),
    say,
    fault: values.fault === 'no-silence' ? values.fault : undefined,
    keepsFirst: values.fault === undefined ? undefined : calm.assistant,
  });
  const verdicts = judge(blown.seen);
  const ok = verdicts.every(({ kept }) => kept);
  const { rotations, ...seen } = blown.seen;
  const outcomes: Record<string, number> = {};
  for (const { outcome = 'open' } of rotations) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  const told = { ok, minutes, seed, fault: values.fault, verdicts, ...blown, outcomes, seen };
  writeFileSync(values.json, `${JSON.stringify(told, null, 2)}\n`);
  const counted = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([what, many]) => `${what} ${many}`)
      .join(', ');
  say(`people: ${counted(blown.done)}; workers ended: ${counted(blown.struck)}; rotations: ${counted(outcomes)}`);
  console.log(
    table(
      ['promise', 'verdict', 'found'],
      verdicts.map(({ promise, kept, found }) => [promise, kept ? 'kept' : 'BROKEN', found]),
    ),
  );
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  say(`the storm could not be played to its end: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
await close();
process.exit();
