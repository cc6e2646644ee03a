import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { startProgram } from '../servers/program.ts';
import { toolPath } from '../servers/tools.ts';
import { formsOf } from './encodings.ts';
import { shop } from './files.ts';
import { filesOf, isDatabase, placeOf, processPlaces } from './search-places.ts';
import type { Place } from './search-places.ts';
import type { Stage } from './stage.ts';

export interface Searched {
  readonly places: number;
  readonly bytes: number;
  readonly secrets: number;
  readonly forms: number;
  /** What was found where; never the value. */
  readonly hits: readonly string[];
  readonly controlsPlanted: number;
  /** Controls that were planted and not found: the search is blind there. */
  readonly lost: readonly string[];
  /** Places without a control: nobody knows whether the search sees anything there. */
  readonly unproved: readonly string[];
}

interface Control {
  readonly place: string;
  readonly form: string;
  readonly value: string;
}

const plain = 'as it is';
const exec = promisify(execFile);
const fresh = (): string => randomBytes(32).toString('base64url');

/** The one file that may hold a key: everything in the vault is sealed with it. */
const mayHoldKey = ['installation.key'];

/**
 * Looks for every secret value of this run, in every form, in every place where none may be. In each place a control
 * value is planted first, and must be found by the same search: one that finds nothing anywhere would prove nothing.
 * Processes are looked at while all of them work; files when `quiet` and keybaton have ended, so that what they write at
 * the very end is searched as well, and nobody reads what is planted.
 */
export async function searchEverywhere(stage: Stage, quiet: () => Promise<unknown>): Promise<Searched> {
  const { controls, places: processes } = await lookAtProcesses(stage);
  await quiet();
  controls.push(...(await plantInDatabases(stage)));
  await stage.stopKeybaton();
  controls.push(...plantInFiles(stage));
  const places = [...filesToSearch(stage).map(placeOf), ...processes];

  const secrets = stage.values.all();
  const hits = secrets.flatMap(({ what, value }) =>
    [...formsOf(value)].flatMap(([form, needles]) =>
      places.filter((place) => holds(place, needles)).map((place) => `${what}, ${form}, in ${place.name}`),
    ),
  );
  const lost = controls.filter(({ place, form, value }) => {
    const needles = formsOf(value).get(form) ?? [];
    return !places.some((one) => one.name === place && holds(one, needles));
  });
  return {
    places: places.length,
    bytes: places.reduce((sum, { bytes }) => sum + bytes.reduce((all, one) => all + one.length, 0), 0),
    secrets: secrets.length,
    forms: formsOf('').size,
    hits,
    controlsPlanted: controls.length,
    lost: lost.map(({ place, form }) => `${form} in ${place}`),
    unproved: places.map(({ name }) => name).filter((name) => !controls.some(({ place }) => place === name)),
  };
}

const filesToSearch = ({ home, logs }: Stage): readonly string[] => [...filesOf(home, mayHoldKey), ...filesOf(logs)];

const holds = ({ bytes }: Place, needles: readonly Buffer[]): boolean =>
  needles.some((needle) => bytes.some((one) => one.includes(needle)));

/** One process of ours carries values where none may be; the stand-in for OpenAI is the vendor, whose admin key is its own. */
async function lookAtProcesses(stage: Stage): Promise<{ controls: Control[]; places: readonly Place[] }> {
  const [argument, variable] = [fresh(), fresh()];
  const carrier = await startProgram({
    title: 'a process that carries control values',
    command: process.execPath,
    args: ['-e', 'process.stdin.resume(); console.log("here")', argument],
    env: { KEYBATON_DEMO_CONTROL: variable },
  });
  try {
    // Until then the system may not show what it was started with.
    await carrier.printed(/here/);
    const places = processPlaces([stage.models.pid]);
    const [args, environment] = places.map(({ name }) => name);
    return {
      places,
      controls: [
        { place: args ?? '', form: plain, value: argument },
        { place: environment ?? '', form: plain, value: variable },
      ],
    };
  } finally {
    await carrier.stop();
  }
}

/** By the door through which a secret would come in. */
async function plantInDatabases(stage: Stage): Promise<readonly Control[]> {
  const controls: Control[] = [];
  const once = (place: string): string => {
    const value = fresh();
    controls.push({ place, form: plain, value });
    return value;
  };

  const { address, namespace } = stage.temporal;
  const input = JSON.stringify(once('temporal.db'));
  const start = ['workflow', 'start', '--type', 'control', '--task-queue', 'nobody', '--workflow-id', 'control'];
  await exec(toolPath('temporal'), [...start, '--input', input, '--address', address, '--namespace', namespace]);
  await stage.keybaton.run('pause', shop, '--why', once('ledger.sqlite'));
  await stage.keybaton.run('unpause', shop);
  for (const place of ['vault.sqlite', 'kill-sheet.json'])
    controls.push({ place, form: plain, value: stage.pathControl });
  return controls;
}

/** A line for every form. */
function plantInFiles(stage: Stage): readonly Control[] {
  return filesToSearch(stage).flatMap((file) => {
    if (isDatabase(file)) return [];
    const value = fresh();
    return [...formsOf(value)].map(([form, [needle = Buffer.alloc(0)]]) => {
      appendFileSync(file, Buffer.concat([Buffer.from('\n'), needle, Buffer.from('\n')]));
      return { place: basename(file), form, value };
    });
  });
}
