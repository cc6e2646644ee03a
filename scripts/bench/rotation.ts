import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { rotate } from '../../control/operations/rotate.ts';
import { parseCredentialId, type CredentialId } from '../../domain/identifiers.ts';
import { openPorts } from '../../worker/composition.ts';
import { connectTemporal } from '../../worker/temporal.ts';
import { startScript } from '../servers/child-process.ts';
import { median } from '../storm/trend.ts';
import type { FloorInput } from './floor-workflow.ts';
import type { Measured } from './report.ts';
import { openStage, type Closing, type Stage } from './stage.ts';
import { processorSeconds } from './usage.ts';

/**
 * Milliseconds before each block. The server's timers for the activities of one block go off when they are long done,
 * most of them within these; the next block, which is of the other kind, is not to pay for them.
 */
const rest = 10_000;

/**
 * Credentials of each lane, which rotates one after the other: what is read of a credential grows with its versions, and
 * with a single one for each lane a run of minutes would measure credentials that had been rotated a hundred times.
 */
const ofEachLane = 25;

const credentials = (many: number): readonly CredentialId[] =>
  Array.from({ length: many }, (_, index) => parseCredentialId(`in-memory/bench/app-${index + 1}`));

const targets = (stage: Stage): string => `targets:
  world:
    provider: in-memory
    environment: bench
    admin: env:BENCH_ADMIN
    teams: [bench]
    settings: {}
backends:
  vault:
    kind: embedded
    settings: { file: ${stage.home}/vault.sqlite }
`;

const inventory = (ids: readonly CredentialId[]): string => `teams: [bench]
credentials:
${ids
  .map(
    (id) => `  ${id}:
    target: world
    team: bench
    schedule: { every: 90d }
    backends: [vault]
    consumers: { none: what is measured is keybaton }
    silence: { no: what is measured is keybaton }
    soak: 0s
`,
  )
  .join('')}`;

/**
 * The whole rotation of a version that was current (made, stored, promoted, asked for at GATE, revoked, proved dead,
 * erased), beside a workflow that does nothing with as many events: in turns, on one server, the same number in flight,
 * each after a block of its own that does not count, and with a rest between them.
 */
export async function measureRotation(
  close: Closing,
  options: { readonly seconds: number; readonly blocks: number; readonly inFlight: number },
): Promise<Measured> {
  const stage = await openStage(close);
  const ids = credentials(options.inFlight * ofEachLane);
  const shares = Array.from({ length: options.inFlight }, (_, lane) =>
    ids.slice(lane * ofEachLane, (lane + 1) * ofEachLane),
  );
  await stage.apply(targets(stage), inventory(ids));
  const worker = await stage.startWorker();
  const floorWorker = await startScript({
    file: new URL('floor-worker.ts', import.meta.url),
    args: [stage.temporal.address, stage.temporal.namespace],
  });
  close.add(() => floorWorker.stop());
  await floorWorker.printed(/ready/);
  const temporal = await connectTemporal(stage.temporal);
  close.add(() => temporal.close());
  const ports = await openPorts({ ...process.env, ...stage.environment });
  close.add(() => ports.close());

  const rotateOnce = async (id: CredentialId): Promise<void> => {
    await rotate(ports, { credential: id, actor: 'bench', why: 'measured' });
    const result: unknown = await temporal.client.workflow.getHandle(`rotation/${id}`).result();
    const outcome = typeof result === 'object' && result !== null && 'outcome' in result ? result.outcome : undefined;
    if (outcome !== 'rotated') throw new Error(`a rotation ended as ${String(outcome)}`);
  };
  // The first makes what the others replace; the second, of one of them, is looked at.
  await Promise.all(
    shares.map(async (share) => {
      for (const id of share) await rotateOnce(id);
    }),
  );
  await Promise.all(ids.slice(0, 1).map(rotateOnce));
  const seen = await historyOf(temporal.client, `rotation/${ids[0] ?? ''}`);
  const floorInput: FloorInput = {
    activities: Math.floor((seen.events - 5) / 6),
    wokenAfter: 0,
    // Two events: a marker, and a search attribute that names it.
    patched: (seen.events - 5) % 6 === 2,
    given: 'x'.repeat(Math.round(seen.given / seen.activities)),
    answers: 'x'.repeat(Math.round(seen.answered / seen.activities)),
  };
  const floorOnce = async (id: CredentialId): Promise<void> => {
    const options = { workflowId: `floor/${id}`, taskQueue: 'floor', args: [floorInput] };
    await temporal.client.workflow.execute('floor', options);
  };
  const [one] = ids;
  if (one === undefined) throw new Error('no credential');
  await floorOnce(one);
  const floorSeen = await historyOf(temporal.client, `floor/${one}`);
  if (floorSeen.events !== seen.events)
    throw new Error(`the floor has ${floorSeen.events} events and a rotation ${seen.events}: they cannot be compared`);

  // A workflow of either kind takes the id of one that has ended, which costs the server more than a new id.
  const lanes = shares.map((share) => ({ real: inTurn(share, rotateOnce), floor: inTurn(share, floorOnce) }));
  const block = async (kind: 'real' | 'floor'): Promise<Block> => {
    const pid = kind === 'real' ? worker.pid : floorWorker.pid;
    const [began, used] = [performance.now(), processorSeconds(pid)];
    let many = 0;
    const until = began + options.seconds * 1_000;
    await Promise.all(
      lanes.map(async (lane) => {
        while (performance.now() < until) {
          await lane[kind]();
          many += 1;
        }
      }),
    );
    const seconds = (performance.now() - began) / 1_000;
    return { perSecond: many / seconds, processor: (processorSeconds(pid) - used) / many, many };
  };
  const rested = async (kind: 'real' | 'floor'): Promise<Block> => {
    await wait(rest);
    return block(kind);
  };
  // Both are as warm as each other when it counts.
  for (const kind of ['floor', 'real'] as const) await rested(kind);
  const pairs: { readonly floor: Block; readonly real: Block }[] = [];
  for (let index = 0; index < options.blocks; index += 1)
    pairs.push({ floor: await rested('floor'), real: await rested('real') });
  const middle = (of: (pair: (typeof pairs)[number]) => number): number => median(pairs.map(of));
  const ratio = middle(({ real, floor }) => real.perSecond / floor.perSecond);
  return {
    name: 'rotation',
    figures: [
      { what: 'throughput, full flow beside the floor', value: ratio, unit: '', target: { atLeast: 0.8 } },
      { what: 'activities of a rotation', value: seen.activities, unit: '', target: { atMost: 8 } },
      { what: 'events of a rotation, and of the floor', value: seen.events, unit: '' },
      { what: 'rotations', value: middle(({ real }) => real.perSecond), unit: '/s' },
      { what: 'do-nothing workflows', value: middle(({ floor }) => floor.perSecond), unit: '/s' },
      { what: 'processor of the worker, a rotation', value: middle(({ real }) => real.processor) * 1_000, unit: 'ms' },
      { what: 'processor of the worker, the floor', value: middle(({ floor }) => floor.processor) * 1_000, unit: 'ms' },
    ],
    raw: {
      ratio,
      eventsPerRotation: seen.events,
      activitiesPerRotation: seen.activities,
      activities: seen.names,
      inFlight: options.inFlight,
      pairs,
    },
  };
}

/** Works at the next of them with each call. */
function inTurn(share: readonly CredentialId[], work: (id: CredentialId) => Promise<void>): () => Promise<void> {
  let next = 0;
  return async () => {
    const id = share[next % share.length];
    next += 1;
    if (id !== undefined) await work(id);
  };
}

interface Block {
  readonly perSecond: number;
  /** Seconds of processor time of the worker's process for each. */
  readonly processor: number;
  readonly many: number;
}

/** What one execution cost the server, from its own history. */
async function historyOf(client: Client, workflowId: string) {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const all = events ?? [];
  const scheduled = all.flatMap((one) => one.activityTaskScheduledEventAttributes ?? []);
  const completed = all.flatMap((one) => one.activityTaskCompletedEventAttributes ?? []);
  const size = (payloads: readonly { readonly data?: Uint8Array | null }[] | null | undefined): number =>
    (payloads ?? []).reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
  return {
    events: all.length,
    activities: scheduled.length,
    names: scheduled.map(({ activityType }) => activityType?.name ?? ''),
    given: scheduled.reduce((sum, { input }) => sum + size(input?.payloads), 0),
    answered: completed.reduce((sum, { result }) => sum + size(result?.payloads), 0),
  };
}
