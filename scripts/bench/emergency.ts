import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { incidentPartWorkflowId, parseCredentialId } from '../../domain/identifiers.ts';
import { partSize } from '../../domain/incident.ts';
import { connectTemporal } from '../../worker/temporal.ts';
import { poll } from '../servers/poll.ts';
import { answerOf } from './answer-of.ts';
import { startFakeProvider, type FakeProvider } from './fake-provider.ts';
import { makeFirstKeys } from './first-keys.ts';
import { inventoriesOf, teamsOf } from './many-entries.ts';
import { partTimes, type PartTimes } from './part-times.ts';
import type { Figure, Measured } from './report.ts';
import { openStage, type Closing, type Stage } from './stage.ts';
import { memoryOf } from './usage.ts';

const hiddenSpread = 2_000;
const delay = 100;
const projects = 10;
/** Calls of administration that a project is allowed in a second, where many keys are killed. */
const perSecond = 30;
/** So many keys are to be proved dead within a quarter of an hour, whenever each is contained. */
const crowd = 10_000;

export interface EmergencyOptions {
  /** How many keys, each a case of its own. */
  readonly sizes: readonly number[];
  /** How long replacements are waited for once all are dead, milliseconds; what is replaced by then gives their rate. */
  readonly replacing: number;
}

/**
 * Keys that leaked, killed by the command line at a provider that answers after 100 ms and lets a deleted key work on for
 * up to two seconds: when each is dead is judged by the provider's own books.
 */
export async function measureEmergency(close: Closing, { sizes, replacing }: EmergencyOptions): Promise<Measured> {
  const fake = await startFakeProvider();
  close.add(() => fake.stop());
  const stage = await openStage(close, { BENCH_OPENAI: fake.adminKey });
  const groups = sizes.map((size, index) => ({ size, group: `size-${index}` }));
  const entries = entriesOf([...groups, { size: 1, group: 'shut' }]);
  await stage.apply(targets(fake, stage, teamsOf(entries.length)), ...inventoriesOf(entries));
  const all = [...groups.flatMap(({ size, group }) => idsOf(size, group)), ...idsOf(1, 'shut')];
  const began = Date.now();
  await makeFirstKeys(stage, all.map(parseCredentialId));
  console.error(`${all.length} keys are there after ${Math.round((Date.now() - began) / 1_000)} s`);
  const worker = await stage.startWorker();
  const temporal = await connectTemporal(stage.temporal);
  close.add(() => temporal.close());
  await fake.settings({ hiddenSpread });
  await fake.faults({ delay: Object.fromEntries(operations.map((name) => [name, delay])) });

  const cases: Case[] = [];
  for (const { size, group } of groups) {
    await fake.faults({ bucket: size > 1 ? { perSecond, burst: perSecond } : null });
    const one = await killed(stage, fake, size, group, replacing);
    console.error(
      `${size} keys: dead after ${one.provedDead} ms, ${one.replaced.keys} replaced after ${one.replaced.after} ms`,
    );
    cases.push({ ...one, parts: await timesOf(temporal.client, one), memory: memoryOf(worker.pid).peak });
    await fake.faults({ bucket: null });
  }
  const shut = await refusedByEveryone(stage, fake);
  const figures: Figure[] = cases.flatMap((one) => figuresOf(one));
  figures.push(
    {
      what: 'a provider that answers everyone with 401: counted as dead meanwhile',
      value: shut.countedDead,
      unit: 'keys',
      target: { atMost: 0 },
    },
    { what: 'and dead once it answers again', value: shut.deadAfter ? 1 : 0, unit: 'keys', target: { atLeast: 1 } },
  );
  return { name: 'emergency', figures, raw: { delay, hiddenSpread, perSecond, projects, cases, shut } };
}

interface Case {
  readonly incident: string;
  readonly declaredAt: number;
  /** Where the time went, milliseconds after the declaration. */
  readonly parts?: readonly PartTimes[];
  /** By the provider's own books: when the first, the middle and the last key was deleted. */
  readonly kills: readonly number[];
  /** The most that the worker held, bytes. */
  readonly memory?: number;
  readonly keys: number;
  /** Milliseconds after the declaration: the last key deleted at the provider; the last one let nobody in. */
  readonly deleted: number;
  readonly deadAtProvider: number;
  /** The same, as the incident's clock says it. */
  readonly contained: number;
  readonly provedDead: number;
  readonly replaced: Replaced;
  /** What the provider's rate allows at the best. */
  readonly limit: number;
}

/** How many keys were replaced, and by when after the declaration. */
interface Replaced {
  readonly keys: number;
  readonly after: number;
}

function figuresOf({ keys, provedDead, deadAtProvider, deleted, limit, replaced, contained }: Case): readonly Figure[] {
  const name = keys === 1 ? 'one key' : `${keys.toLocaleString('en-US')} keys`;
  const seconds = (milliseconds: number): number => milliseconds / 1_000;
  const rest: Figure[] = [
    {
      what: `${name}: proved dead after the declaration`,
      value: seconds(provedDead),
      unit: 's',
      ...(keys >= crowd && { target: { atMost: 900 } }),
    },
    { what: `${name}: ${replacedWords(keys, replaced)}`, value: seconds(replaced.after), unit: 's' },
  ];
  if (keys === 1)
    return [
      {
        what: 'one key: proved dead, beyond what the provider let it work on',
        // What it lingered is the provider's; all else is ours.
        value: seconds(provedDead - (deadAtProvider - deleted)),
        unit: 's',
        target: { atMost: 3 },
      },
      ...rest,
    ];
  const allowed = (limit / 1_000) * 1.2 + 5;
  return [
    {
      what: `${name}: contained`,
      value: seconds(contained),
      unit: 's',
      ...(keys < crowd && { target: { atMost: allowed } }),
    },
    { what: `${name}: what the provider's rate allows`, value: seconds(limit), unit: 's' },
    ...rest,
    { what: `${name}: replacements`, value: replaced.keys / seconds(replaced.after), unit: '/s' },
  ];
}

const replacedWords = (keys: number, replaced: Replaced): string =>
  replaced.keys < keys ? `of which ${replaced.keys} were replaced after` : 'replaced after the declaration';

async function killed(stage: Stage, fake: FakeProvider, size: number, group: string, replacing: number): Promise<Case> {
  const ours = idsOf(size, group);
  const before = (await fake.keys()).filter(({ deletedAt }) => deletedAt === null);
  const count = size > 25 ? ['--count', `${size}`] : [];
  const declared = (await answerOf(
    stage,
    'emergency',
    ...['--group', group, '--reason', 'measured', '--no-wait', ...count],
  )) as { readonly incident: string };
  // Those that this incident kills: they are the ones that end from now on.
  const names = new Set(before.map(({ name }) => name));
  const gone = (keys: Awaited<ReturnType<FakeProvider['keys']>>) =>
    keys.filter(({ name, deletedAt, works }) => names.has(name) && deletedAt !== null && !works);
  await poll(async () => gone(await fake.keys()).length >= size, {
    what: `${size} keys dead at the provider`,
    within: 900_000,
    // The books of a crowd are long, and nothing of a crowd is measured by when it was seen.
    every: size === 1 ? 20 : 1_000 + size,
  });
  const deadAt = Date.now();
  const every = size > 25 ? 10_000 : 1_000;
  const clock = await reached(stage, declared.incident, every, 'contained', 'dead');
  const replaced = await replacedBy(stage, declared.incident, every, Date.now() + replacing);
  const kills = gone(await fake.keys())
    .map((key) => (key.deletedAt ?? 0) - clock.declaredAt)
    .toSorted((one, other) => one - other);
  const since = (moment: string): number => (clock.moments[moment] ?? NaN) - clock.declaredAt;
  return {
    incident: declared.incident,
    declaredAt: clock.declaredAt,
    keys: ours.length,
    deleted: Math.max(...kills),
    kills: [0, 0.1, 0.5, 0.9, 1].map((share) => kills[Math.floor((size - 1) * share)] ?? NaN),
    deadAtProvider: deadAt - clock.declaredAt,
    contained: since('contained'),
    provedDead: since('dead'),
    replaced,
    limit: Math.max(0, (Math.ceil(size / projects) - perSecond) / perSecond) * 1_000,
  };
}

async function timesOf(client: Client, { incident, declaredAt, keys }: Case): Promise<readonly PartTimes[]> {
  const parts = Array.from({ length: Math.ceil(keys / partSize) }, (_, part) => incidentPartWorkflowId(incident, part));
  const times: PartTimes[] = [];
  for (const workflowId of parts) times.push(await partTimes(client, workflowId, declaredAt));
  return times;
}

/** The key lives, and its provider answers everyone with 401 for ten seconds: that is no death. */
async function refusedByEveryone(stage: Stage, fake: FakeProvider) {
  await fake.faults({ refuseEveryone: true });
  const declared = (await answerOf(
    stage,
    'emergency',
    ...['--group', 'shut', '--reason', 'measured', '--no-wait'],
  )) as { readonly incident: string };
  let countedDead = 0;
  for (const until = Date.now() + 10_000; Date.now() < until; await wait(500))
    countedDead = Math.max(countedDead, (await show(stage, declared.incident)).counts.dead);
  await fake.faults({ refuseEveryone: false });
  const opened = Date.now();
  const clock = await reached(stage, declared.incident, 1_000, 'dead');
  return { countedDead, deadAfter: (clock.moments['dead'] ?? 0) >= opened };
}

interface Shown {
  readonly declaredAt: number;
  readonly counts: { readonly dead: number; readonly replaced: number | null };
  readonly clock: readonly { readonly moment: string; readonly reachedAt: number | null }[];
}

// The shape of what the command prints, as far as it is looked at.
const show = async (stage: Stage, incident: string): Promise<Shown> =>
  (await answerOf(stage, 'incident', 'show', incident)) as Shown;

/** All of them, or as many as there are when the time is up. */
async function replacedBy(stage: Stage, incident: string, every: number, until: number): Promise<Replaced> {
  for (;;) {
    const { declaredAt, counts, clock } = await show(stage, incident);
    const all = clock.find(({ moment }) => moment === 'replaced')?.reachedAt;
    const keys = counts.replaced ?? 0;
    if (typeof all === 'number') return { keys, after: all - declaredAt };
    if (Date.now() >= until) return { keys, after: Date.now() - declaredAt };
    await wait(every);
  }
}

async function reached(stage: Stage, incident: string, every: number, ...wanted: readonly string[]) {
  return poll(
    async () => {
      const { declaredAt, clock } = await show(stage, incident);
      const moments = Object.fromEntries(clock.map((one) => [one.moment, one.reachedAt]));
      return wanted.every((one) => typeof moments[one] === 'number') ? { declaredAt, moments } : undefined;
    },
    { what: `${wanted.join(', ')} of ${incident}`, within: 3_600_000, every },
  );
}

/** Everything that the stand-in does for an administrator or a holder. */
const operations = [
  'create',
  'create-key',
  'delete',
  'delete-account',
  'get',
  'get-account',
  'list',
  'list-accounts',
  'models',
  'update',
  'update-account',
];

const idsOf = (size: number, group: string): readonly string[] =>
  Array.from({ length: size }, (_, index) => `openai/bench/${group}-${index + 1}`);

const targets = (fake: FakeProvider, stage: Stage, teams: readonly string[]): string => `targets:
${Array.from(
  { length: projects },
  (_, index) => `  openai-${index}:
    provider: openai
    environment: bench
    admin: env:BENCH_OPENAI
    teams: [${teams.join(', ')}]
    settings:
      project: proj_${index}
      baseUrl: ${fake.url}
      createSpread: 0
      revokeSpread: ${hiddenSpread}
      lateCreate: 0
      usageLag: 0
      callTimeout: 5000
`,
).join('')}backends:
  vault:
    kind: embedded
    settings: { file: ${stage.home}/vault.sqlite }
`;

const entriesOf = (
  groups: readonly { readonly size: number; readonly group: string }[],
): readonly ((team: string) => string)[] =>
  groups.flatMap(({ size, group }) =>
    idsOf(size, group).map(
      (id, index) => (team) => `  ${id}:
    target: openai-${index % projects}
    team: ${team}
    groups: [${group}]
    schedule: { every: 90d }
    backends: [vault]
    consumers: { none: what is measured is keybaton }
    silence: { no: what is measured is keybaton }
    soak: 0s
`,
    ),
  );
