/**
 * `npm run crash-matrix`: rotations, roll-backs and emergencies of a whole keybaton are held in the middle of an effect
 * by proxies, one of its processes is killed with SIGKILL and started again, and providers and backend are asked what
 * lives. Prints a table, writes crash-matrix.json, and ends with exit code 1 when a promise broke.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { batchesOf, everyCell, nameOf, shuffled, victims, type Cell } from './cells.ts';
import { firstVersions, playBatch, type CellEnd } from './play.ts';
import type { Counts } from './verdict.ts';
import { watchWorld } from './watch.ts';
import { openWorld } from './world.ts';

/** `crash-matrix.json` */
export interface CrashMatrix extends Counts {
  readonly seed: number;
  readonly cells: number;
  readonly passed: number;
  /** Cells that were not at their point when the process was killed, in three attempts; they are judged, and counted in neither of the above. */
  readonly notReached: readonly string[];
  /** What consumers read was dead for so long, in all scheduled rotations and roll-backs together. */
  readonly deadCurrentMilliseconds: number;
  /** The same in emergencies, where it must be: the longest one. */
  readonly emergencyDeadCurrentMilliseconds: number;
  readonly seconds: number;
  readonly broken: readonly { readonly cell: string; readonly faults: readonly string[] }[];
}

const { values } = parseArgs({
  options: {
    /** Which cells meet in one batch, and which are taken by `--sample`. */
    seed: { type: 'string', default: '1' },
    /** Only so many of them. */
    sample: { type: 'string' },
    /** Only this one, as it is printed; may be said several times. */
    cell: { type: 'string', multiple: true },
    /** So many at the same time. */
    side: { type: 'string', default: '8' },
    json: { type: 'string', default: 'crash-matrix.json' },
    /** Does harm behind keybaton's back at the end: the verdict must break. */
    sabotage: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

const seed = Number(values.seed);
const closers: (() => Promise<unknown> | void)[] = [];
const began = performance.now();
const seconds = (): string => `${((performance.now() - began) / 1_000).toFixed(0).padStart(4)} s`;

function chosen(): readonly Cell[] {
  const all = shuffled(everyCell(), seed);
  const { cell: names } = values;
  if (names !== undefined) {
    const unknown = names.filter((name) => !all.some((cell) => nameOf(cell) === name));
    if (unknown.length > 0) throw new Error(`no cell is called ${unknown.join(', ')}: --list shows them`);
    return all.filter((cell) => names.includes(nameOf(cell)));
  }
  return values.sample === undefined ? all : all.slice(0, Number(values.sample));
}

async function run(cells: readonly Cell[]): Promise<readonly CellEnd[]> {
  const batches = batchesOf(cells, Number(values.side));
  const most = (family: string, scenario: string): number =>
    Math.max(
      ...batches.map((batch) => batch.filter((one) => one.family === family && one.scenario === scenario).length),
      0,
    );
  const world = await openWorld({ closing: (close) => void closers.push(close), count: most });
  console.log(`${seconds()}  ${cells.length} cells in ${batches.length} batches; seed ${seed}`);
  await world.restart('worker');
  const watch = watchWorld(world);
  closers.push(() => watch.stop());
  await firstVersions(world, watch);
  console.log(`${seconds()}  ${world.subjects.length} credentials have their first version`);
  const ends: CellEnd[] = [];
  const play = async (batch: readonly Cell[], harm: string | undefined): Promise<readonly Cell[]> => {
    const played = await playBatch(world, watch, batch, harm === undefined ? undefined : harmOf(harm));
    ends.push(...played);
    const missed = played.filter(({ reached }) => !reached).length;
    const broken = played.filter(({ faults }) => faults.length > 0);
    console.log(
      `${seconds()}  ${String(batch[0]?.victim).padEnd(8)} killed in ${played.length - missed} cells${missed > 0 ? ` (${missed} not there)` : ''}: ${broken.length} broke a promise`,
    );
    for (const { cell, faults } of broken) console.log(`         BROKEN  ${nameOf(cell)}: ${faults.join('; ')}`);
    return played.filter(({ reached }) => !reached).map(({ cell }) => cell);
  };
  const missed: Cell[] = [];
  for (const batch of batches)
    missed.push(...(await play(batch, batch === batches.at(-1) ? values.sabotage : undefined)));
  // Again, in small company: where few go side by side they arrive together.
  for (let size = 3; size > 0 && missed.length > 0; size -= 2) {
    const again = batchesOf(missed.splice(0), size);
    for (const batch of again) missed.push(...(await play(batch, undefined)));
  }
  return ends;
}

function harmOf(text: string): 'stray' | 'death' {
  if (text === 'stray' || text === 'death') return text;
  throw new Error('--sabotage is stray or death');
}

function summarize(ends: readonly CellEnd[]): CrashMatrix {
  const reached = ends.filter((end) => end.reached);
  const sum = (what: keyof Counts): number => ends.reduce((all, end) => all + end[what], 0);
  const dead = (emergency: boolean): number[] =>
    ends.filter(({ cell }) => (cell.scenario === 'emergency') === emergency).map(({ deadCurrent }) => deadCurrent);
  return {
    seed,
    cells: reached.length,
    passed: reached.filter(({ faults }) => faults.length === 0).length,
    strays: sum('strays'),
    doubleLive: sum('doubleLive'),
    deadCurrentMilliseconds: Math.round(dead(false).reduce((all, one) => all + one, 0)),
    emergencyDeadCurrentMilliseconds: Math.round(Math.max(0, ...dead(true))),
    lostDebts: sum('lostDebts'),
    wrongKills: sum('wrongKills'),
    notReached: [
      ...new Set(ends.filter((end) => !reached.some(({ cell }) => cell === end.cell)).map(({ cell }) => nameOf(cell))),
    ],
    seconds: Math.round((performance.now() - began) / 1_000),
    broken: ends.filter(({ faults }) => faults.length > 0).map(({ cell, faults }) => ({ cell: nameOf(cell), faults })),
  };
}

/** Families and scenarios down, whose process was killed across: passed of reached. */
function table(ends: readonly CellEnd[]): void {
  const rows = new Map<string, CellEnd[]>();
  for (const end of ends) {
    const row = `${end.cell.family.padEnd(15)} ${end.cell.scenario.padEnd(10)} ${end.cell.effect}`;
    rows.set(row, [...(rows.get(row) ?? []), end]);
  }
  console.log(`\n${''.padEnd(52)}${victims.map((victim) => victim.padStart(10)).join('')}`);
  for (const [row, found] of [...rows].toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    const columns = victims.map((victim) => {
      const there = found.filter(({ cell, reached }) => cell.victim === victim && reached);
      const passed = there.filter(({ faults }) => faults.length === 0).length;
      return (there.length === 0 ? '-' : `${passed}/${there.length}`).padStart(10);
    });
    console.log(`${row.padEnd(52)}${columns.join('')}`);
  }
}

async function close(): Promise<void> {
  for (const one of closers.splice(0).toReversed()) await Promise.resolve(one()).catch(() => undefined);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void close().finally(() => process.exit(130)));

const cells = chosen();
if (values.list) {
  for (const cell of cells) console.log(nameOf(cell));
} else {
  try {
    const ends = await run(cells);
    const told = summarize(ends);
    table(ends);
    writeFileSync(values.json, `${JSON.stringify(told, null, 2)}\n`);
    console.log(
      `\n${told.passed} of ${told.cells} cells passed in ${told.seconds} s: ${told.strays} strays, ${told.doubleLive} double, ${told.lostDebts} lost debts, ${told.wrongKills} wrong kills, ` +
        `${told.deadCurrentMilliseconds} ms dead in scheduled rotations (emergencies: ${told.emergencyDeadCurrentMilliseconds} ms). Measured: ${values.json}`,
    );
    for (const { cell } of told.broken) console.log(`again: npm run crash-matrix -- --seed ${seed} --cell ${cell}`);
    process.exitCode = told.broken.length > 0 || told.cells === 0 ? 1 : 0;
  } finally {
    await close();
  }
  process.exit();
}
