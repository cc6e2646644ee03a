/**
 * `npm run leak-hunt`: a whole keybaton rotates, rolls back, meets an emergency and loses processes, while every value
 * that is ever made is told to this program; then everything that was written is searched for them. Everywhere control
 * values are planted first and must be found. Writes leak-hunt.json; exit code 1 when a value or no control was found.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { parseArgs } from 'node:util';
import { batchesOf, everyCell, shuffled } from '../crash-matrix/cells.ts';
import { firstVersions, playBatch } from '../crash-matrix/play.ts';
import { watchWorld } from '../crash-matrix/watch.ts';
import { openWorld, type World } from '../crash-matrix/world.ts';
import { formsOf } from '../demo/encodings.ts';
import { isDatabase, processPlaces, type Place } from '../demo/search-places.ts';
import { collectValues, type Values } from '../demo/values.ts';
import { freePort } from '../servers/free-port.ts';
import { startProgram } from '../servers/program.ts';
import { toolPath } from '../servers/tools.ts';
import { apiPlaces } from './api-places.ts';
import { crashes, isDump } from './crashes.ts';
import { filePlace, filesToSearch, installationKey, ledgerPlace, temporalPlaces } from './places.ts';
import { search } from './search.ts';
import { startTraceCollector, type TraceCollector } from './traces.ts';

/** `leak-hunt.json` */
export interface LeakHunt {
  readonly values: number;
  readonly forms: number;
  readonly places: readonly { readonly name: string; readonly bytes: number }[];
  /** What was found where, in which form; never a value. */
  readonly hits: readonly string[];
  readonly controlsPlanted: number;
  readonly controlsFound: number;
  /** Controls that were not found, and places without one: the search is blind there. */
  readonly blind: readonly string[];
  readonly seconds: number;
}

interface Control {
  readonly place: string;
  readonly form: string;
  readonly value: string;
}

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    /** How many cells of the crash matrix are played while values are made. */
    cells: { type: 'string', default: '24' },
    json: { type: 'string', default: 'leak-hunt.json' },
    /** Writes a value that was made into a log, as a bug would: it must be found. */
    plant: { type: 'boolean', default: false },
  },
});

const began = performance.now();
const say = (text: string): void =>
  console.log(`${((performance.now() - began) / 1_000).toFixed(0).padStart(4)} s  ${text}`);
const exec = promisify(execFile);
const canary = (): string => randomBytes(32).toString('base64url');
const plain = 'as it is';
const closers: (() => Promise<unknown> | void)[] = [];
const made = collectValues();
const crashing = crashes();
/** The operator's word to the processes, which lies in their environment; nowhere else. */
const ofEnvironment = 'password of the ledger';

interface Played {
  readonly world: World;
  readonly collector: TraceCollector;
  readonly metricsPort: number;
}

async function play(): Promise<Played> {
  const batches = batchesOf(shuffled(everyCell(), Number(options.seed)).slice(0, Number(options.cells)));
  const most = (family: string, scenario: string): number =>
    Math.max(
      1,
      ...batches.map((batch) => batch.filter((one) => one.family === family && one.scenario === scenario).length),
    );
  const collector = await startTraceCollector();
  closers.push(() => collector.close());
  const metricsPort = await freePort();
  const world = await openWorld({
    closing: (close) => void closers.push(close),
    tapped: made,
    count: most,
    workerArgs: crashing.workerArgs,
    temporalMore: { env: collector.env, extraArgs: ['--metrics-port', `${metricsPort}`] },
  });
  await world.restart('worker');
  const watch = watchWorld(world);
  await firstVersions(world, watch);
  say(`${world.subjects.length} credentials have their first version`);
  for (const batch of batches) {
    await playBatch(world, watch, batch);
    say(
      `${batch.length} rotations, roll-backs and emergencies; ${batch[0]?.victim ?? 'nobody'} killed in their middle`,
    );
  }
  await watch.stop();
  made.add({ what: 'installation key', value: installationKey(world) });
  made.add({ what: ofEnvironment, value: decodeURIComponent(new URL(world.ledgerUrl).password) });
  return { world, collector, metricsPort };
}

/** By the doors through which a secret would come in; where there is none, at the end of what is searched. */
async function gather({
  world,
  collector,
  metricsPort,
}: Played): Promise<{ places: readonly Place[]; controls: readonly Control[] }> {
  const controls: Control[] = [];
  const control = (place: string, value = canary()): string => {
    controls.push({ place, form: plain, value });
    return value;
  };
  const { address, namespace } = world.temporal();
  const [input, memo] = [control('exported histories'), control('list of runs, search attributes and memos')];
  control('temporal.db', input);
  const traced = `control-${control('traces of Temporal')}`;
  const start = ['workflow', 'start', '--type', 'control', '--task-queue', 'nobody', '--workflow-id', traced];
  await exec(toolPath('temporal'), [
    ...[...start, '--input', JSON.stringify(input), '--memo', `note=${JSON.stringify(memo)}`],
    ...['--address', address, '--namespace', namespace],
  ]);
  const [subject] = world.subjects;
  if (subject === undefined) throw new Error('nothing was rotated');
  await world.keybaton.run('pause', subject.id, '--why', control('what the API answers', control('ledger')));
  await world.keybaton.run('unpause', subject.id);
  await reports(world);
  await world.report();

  const [argument, variable] = [canary(), canary()];
  const carrier = await startProgram({
    title: 'a process that carries control values',
    command: process.execPath,
    args: ['-e', 'process.stdin.resume(); console.log("here")', argument],
    env: { KEYBATON_LEAK_CONTROL: variable },
  });
  await carrier.printed(/here/);
  // The stand-in for OpenAI is the vendor, and the receiver the people's: their own key is theirs.
  const processes = processPlaces(await strangers());
  await carrier.stop();
  const [args, environment] = processes.map(({ name }) => name);
  control(args ?? '', argument);
  control(environment ?? '', variable);

  say('the worker crashes, twice, with a value in hand');
  await crashing.play(world, made);
  await collector.arrived(Buffer.from(traced));
  say('everything that was written is gathered');
  const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const telemetry = [
    { name: 'traces of Temporal', bytes: [collector.lines()] },
    { name: 'metrics of Temporal', bytes: [Buffer.from(await metrics())] },
    { name: 'metrics of the vault', bytes: [Buffer.from(await world.vault.metrics())] },
    ...(await apiPlaces(world, made)),
  ];

  const told = await world.told();
  const asked = [
    ...telemetry,
    ...(await temporalPlaces(world)),
    await ledgerPlace(world),
    { name: 'what people were told', bytes: [Buffer.from(told), Buffer.from(control('what people were told'))] },
  ].map((place) =>
    place.name === 'schedules' || place.name.startsWith('metrics of ')
      ? { ...place, bytes: [...place.bytes, Buffer.from(control(place.name))] }
      : place,
  );
  await world.stopWorker();
  const files = filesToSearch(world);
  for (const file of files) {
    const name = relative(world.folder, file);
    for (const { place, value } of crashing.controls)
      if (place.test(name)) controls.push({ place: name, form: plain, value });
    if (isDatabase(file)) continue;
    const value = canary();
    for (const [form, [needle = Buffer.alloc(0)]] of formsOf(value)) {
      appendFileSync(file, Buffer.concat([Buffer.from('\n'), needle, Buffer.from('\n')]));
      controls.push({ place: name, form, value });
    }
  }
  if (options.plant) appendFileSync(join(world.folder, 'logs', 'worker.log'), `\n${made.all().at(-1)?.value ?? ''}\n`);
  return { places: [...asked, ...files.map((file) => filePlace(world.folder, file)), ...processes], controls };
}

/** What people are shown goes to a log that is searched. */
async function reports(world: World): Promise<void> {
  // The shape of what the command prints.
  const { incidents } = (await world.keybaton.run('incident', 'list')) as {
    readonly incidents: readonly { readonly incident?: string; readonly id?: string }[];
  };
  for (const { incident, id } of incidents) await world.keybaton.run('incident', 'report', incident ?? id ?? '');
  for (const { id } of world.subjects)
    for (const command of ['show', 'status', 'plan']) await world.keybaton.run(command, id);
  await world.keybaton.run('doctor').catch(() => undefined);
  await world.keybaton.run('kill-sheet', 'bundle').catch(() => undefined);
}

async function strangers(): Promise<readonly number[]> {
  const { stdout } = await exec('ps', ['-A', '-o', 'pid=,args=', '-ww']);
  return stdout
    .split('\n')
    .filter((line) => /test\/fakes\/(openai|webhook-receiver)\/main\.ts/.test(line))
    .map((line) => Number(line.trim().split(/\s+/)[0]));
}

function judge(values: Values, places: readonly Place[], controls: readonly Control[]): LeakHunt {
  const hits = places.flatMap((place) => {
    const secrets = values.all().filter(({ what }) => what !== ofEnvironment || !place.name.startsWith('environment'));
    const found = search(
      place,
      secrets.map(({ value }) => value),
    );
    const dump = isDump(place.name) ? [`the memory of a process, in ${place.name}`] : [];
    return [...found.map(({ value, form }) => `${secrets[value]?.what ?? ''}, ${form}, in ${place.name}`), ...dump];
  });
  const found = controls.filter(({ place, form, value }) => {
    const there = places.filter(({ name }) => name === place);
    return there.some((one) => search(one, [value]).some((hit) => hit.form === form));
  });
  const lost = controls.filter((one) => !found.includes(one)).map(({ place, form }) => `${form} in ${place}`);
  const unproved = places.filter(({ name }) => !controls.some(({ place }) => place === name)).map(({ name }) => name);
  return {
    values: values.all().length,
    forms: formsOf('').size + 1,
    places: places.map(({ name, bytes }) => ({ name, bytes: bytes.reduce((sum, one) => sum + one.length, 0) })),
    hits: [...new Set(hits)],
    controlsPlanted: controls.length,
    controlsFound: found.length,
    blind: [...lost, ...unproved],
    seconds: Math.round((performance.now() - began) / 1_000),
  };
}

async function close(): Promise<void> {
  for (const one of closers.splice(0).toReversed()) await Promise.resolve(one()).catch(() => undefined);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void close().finally(() => process.exit(130)));

try {
  const { places, controls } = await gather(await play());
  say('searching');
  const hunted = judge(made, places, controls);
  writeFileSync(options.json, `${JSON.stringify(hunted, null, 2)}\n`);
  for (const { name, bytes } of hunted.places)
    console.log(`  ${name.padEnd(50)} ${(bytes / 1_000_000).toFixed(2).padStart(8)} MB`);
  for (const hit of hunted.hits.slice(0, 30)) console.log(`FOUND  ${hit}`);
  for (const blind of hunted.blind.slice(0, 30)) console.log(`BLIND  ${blind}`);
  say(
    `${hunted.values} values, each in ${hunted.forms} forms: ${hunted.hits.length} found; ${hunted.controlsFound} of ${hunted.controlsPlanted} controls found. Measured: ${options.json}`,
  );
  process.exitCode = hunted.hits.length > 0 || hunted.blind.length > 0 || hunted.values < 5 ? 1 : 0;
} finally {
  await close();
}
process.exit();
