import { randomBytes } from 'node:crypto';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createActivities } from '../../activities/activities.ts';
import { placesOf, type ActivityPorts } from '../../activities/ports.ts';
import { registered } from '../../backends/registry.ts';
import { inMemoryBackend } from '../../backends/in-memory.ts';
import { createInMemoryWorld, type InMemoryWorld } from '../../backends/in-memory/world.ts';
import type { Rotations } from '../../control/ports.ts';
import type { Entry } from '../../domain/entry.ts';
import type { CredentialFacts } from '../../domain/facts.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { queues } from '../../domain/queues.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import type { RotationResult } from '../../domain/rotation.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { openLedger } from '../../ledger/open.ts';
import { inMemory } from '../../providers/in-memory.ts';
import { processWorld, standingKeys } from '../../providers/in-memory/world.ts';
import type { ProviderFactory } from '../../providers/provider.ts';
import { activityPorts } from '../../worker/activity-ports.ts';
import { installationKey } from '../../worker/installation-key.ts';
import { activitySignal, guardActivities } from '../../worker/interceptors.ts';
import { connectTemporal, rotations, workflowStarter } from '../../worker/temporal.ts';
import { workflowBundle } from '../../worker/workflow-bundle.ts';
import { startTemporalServer } from '../../scripts/servers/temporal-server.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { holding, type Holding } from './holding.ts';
import { plainEntry, quick } from './entries.ts';
import type { Play, PlayOptions } from './play.ts';
import { until } from './until.ts';

/** Everything real but provider and backends, which are in-memory worlds that a test can look into and script. */
export interface Stage {
  readonly ledger: Ledger;
  readonly ports: ActivityPorts;
  readonly rotations: Rotations;
  readonly address: string;
  readonly client: Awaited<ReturnType<typeof connectTemporal>>['client'];
  /** A credential of its own, with its own provider world and backends. */
  play(options?: PlayOptions): Promise<Play>;
  /** Stops polling, as a stopped worker does; `resume` polls again. */
  stopWorker(): Promise<void>;
  startWorker(): Promise<void>;
  close(): Promise<void>;
}

export type { Play, PlayOptions } from './play.ts';
export { consumer, plainEntry, quick } from './entries.ts';

/** The ledger is a SQLite file of its own unless a URL names another. */
export async function openStage(
  options: {
    readonly ledgerUrl?: string;
    /** Activities beside those of rotations. */
    readonly activities?: (ports: ActivityPorts, client: Stage['client']) => object;
  } = {},
): Promise<Stage> {
  quietRuntime();
  const server = await startTemporalServer();
  const folder = temporaryFolder('stage');
  const ledger = await openLedger({ url: options.ledgerUrl ?? `sqlite:${folder.path}/ledger.sqlite` });
  const temporal = await connectTemporal(server);
  const key = installationKey(randomBytes(32));
  const providers: Record<string, ProviderFactory> = {};
  const worlds = new Map<string, InMemoryWorld>();
  const targets: Record<string, unknown> = {};
  const backendsApplied: Record<string, unknown> = {};
  const backendHolds = new Map<string, Holding>();
  const factory = registered({
    ...(await import('../../backends/in-memory.ts')).inMemory,
    create: (_settings, access) => {
      const holds = backendHolds.get(access.name) ?? holding();
      // By its name, as `blind`: one that can only be written to.
      return holds.around(inMemoryBackend(access.name, worldOf(access.name), !access.name.startsWith('blind-')));
    },
  });
  const ports = activityPorts({
    ledger,
    key,
    adapters: { providers, backends: { 'in-memory': factory } },
    environment: { ADMIN: 'admin' },
    workflows: workflowStarter(temporal.client, quick),
  });
  const connection = await NativeConnection.connect({ address: server.address });
  const bundle = await workflowBundle();
  let workers: Worker[] = [];
  let runs: Promise<void>[] = [];
  let played = 0;

  function worldOf(name: string): InMemoryWorld {
    const there = worlds.get(name) ?? createInMemoryWorld();
    worlds.set(name, there);
    return there;
  }

  async function startWorker(): Promise<void> {
    const shared = {
      connection,
      namespace: server.namespace,
      activities: { ...createActivities(ports, activitySignal), ...options.activities?.(ports, temporal.client) },
      interceptors: { activity: [guardActivities] },
      // A killed worker's workflows wait this long for it, then any other takes them.
      stickyQueueScheduleToStartTimeout: '2 s',
      shutdownGraceTime: '5 s',
    };
    workers = await Promise.all([
      Worker.create({ ...shared, taskQueue: queues.rotations, workflowBundle: bundle }),
      Worker.create({ ...shared, taskQueue: queues.emergency, workflowBundle: bundle }),
      Worker.create({ ...shared, taskQueue: queues.containment, workflowBundle: bundle }),
      Worker.create({ ...shared, taskQueue: queues.watching }),
    ]);
    runs = workers.map((worker) => worker.run());
  }

  async function stopWorker(): Promise<void> {
    for (const worker of workers) worker.shutdown();
    await Promise.all(runs);
  }

  async function play(options: PlayOptions = {}): Promise<Play> {
    played += 1;
    const name = `play-${played}`;
    const world = processWorld();
    const holds = holding();
    providers[name] = () =>
      holds.around(
        inMemory({ ...(options.powers === undefined ? {} : { powers: options.powers }), world: () => world }),
      );
    targets[name] = {
      provider: name,
      environment: 'test',
      settings: { ...options.settings },
      admin: 'env:ADMIN',
      teams: [name],
      paths: ['ai'],
      probes: {},
    };
    const backendNames = options.backends ?? ['shelf'];
    const places = backendNames.map((backend) => `${backend}-${played}`);
    for (const place of places) backendHolds.set(place, holds);
    for (const place of places) backendsApplied[place] = { kind: 'in-memory', settings: {}, path: 'ai' };
    const id = parseCredentialId(`in-memory/test/${name}`);
    const path = `ai/test/${name}`;
    let entry: Entry = {
      ...plainEntry(
        id,
        name,
        places.map((backend) => ({ backend, path, fields: undefined })),
      ),
      ...options.entry,
    };
    const apply = async (): Promise<void> => {
      await ledger.applyInventory({
        teams: [name],
        entries: [entry],
        targets: { targets, backends: backendsApplied },
        actor: 'test',
      });
    };
    await apply();
    const facts = (): Promise<CredentialFacts> => ledger.facts(id);
    const handle = () => temporal.client.workflow.getHandle(`rotation/${id}`);
    const runsNow = rotations(async () => temporal, server.address);
    return {
      id,
      entry,
      provider: world,
      backends: Object.fromEntries(backendNames.map((backend, index) => [backend, worldOf(places[index] ?? '')])),
      path,
      facts,
      current: async () => {
        const now = await facts();
        const version = now.versions.find((one) => one.id === now.epochs[0]?.version);
        if (version === undefined) throw new Error('nothing is current');
        return version;
      },
      rotate: async (input = {}) => {
        const open = (await facts()).epochs.length > 0 && input.rehearse !== true;
        if (open) await ledger.request({ kind: 'rotate', credential: id, who: 'test', why: 'test' });
        await runsNow.start({ credential: id, reason: 'test', actor: 'test', rehearse: false, pace: quick, ...input });
      },
      result: () => handle().result() as Promise<RotationResult>,
      prove: async (consumer, instance = 'one') => {
        const { epoch } = (await facts()).epochs[0] ?? { epoch: 0 };
        await ledger.beat({ credential: id, consumer, instance, boot: 'boot', lease: 600_000 });
        const { missing } = await ledger.prove({
          credential: id,
          epoch,
          consumer,
          instance,
          kind: 'possession',
          actor: consumer,
        });
        if (missing === 0) await runsNow.wake(id);
      },
      beat: async (consumer, instance = 'one') => {
        await ledger.beat({ credential: id, consumer, instance, boot: 'boot', lease: 600_000 });
      },
      wake: () => runsNow.wake(id),
      hold: holds.hold,
      consumers: () => ('none' in entry.consumers ? [] : entry.consumers.map((one) => one.name)),
      asksAgain: async () => {
        const answered = async (): Promise<number> => {
          const { events } = await handle().fetchHistory();
          return events?.filter((event) => Boolean(event.activityTaskCompletedEventAttributes)).length ?? 0;
        };
        const before = await answered();
        await runsNow.wake(id);
        await until('the run has asked again', async () => (await answered()) > before);
      },
      valueOf: async (version) => {
        const [place] = await placesOf(ports, entry);
        if (place === undefined) throw new Error('no backend');
        const call = { signal: AbortSignal.timeout(5_000), deadline: Date.now() + 5_000, now: () => Date.now() };
        return (await place.backend.read(place.place, version, call)).material.revealValue();
      },
      usesOf: (version) =>
        world.change((state) =>
          state.keys.filter((key) => key.tag?.endsWith(version)).reduce((sum, key) => sum + key.useCount, 0),
        ),
      swapStaged: (version) => {
        for (const place of places) {
          const { staged } = worldOf(place).shelf(path);
          const envelope = staged.get(version);
          if (envelope !== undefined)
            staged.set(version, { ...envelope, material: new SecretMaterial({ api_key: 'another' }, 'api_key') });
        }
      },
      rotateQuietly: async () => {
        await runsNow.start({ credential: id, reason: 'test', actor: 'test', rehearse: false, pace: quick });
      },
      leak: async (versions, incident = `incident-${played}`) => {
        await ledger.declareIncident({ incident, versions, who: 'test', why: 'test' });
        await runsNow.escalate(id, { incident, compromised: versions });
      },
      change: async (changes) => {
        entry = { ...entry, ...changes };
        await apply();
        await runsNow.wake(id);
      },
      reaches: async (step) => {
        await until(`the rotation is in step ${step}`, async () => (await runsNow.status(id))?.step === step);
      },
      liveVersions: () =>
        standingKeys(world, Date.now())
          .filter((key) => !key.disabled)
          .map((key) => key.tag?.split(':')[1] ?? key.id),
      shown: (backend = backendNames[0] ?? '') =>
        worldOf(places[backendNames.indexOf(backend)] ?? '').main(path)?.['keybaton_version'] as string | undefined,
    };
  }

  await startWorker();
  return {
    ledger,
    ports,
    rotations: rotations(async () => temporal, server.address),
    address: server.address,
    client: temporal.client,
    play,
    startWorker,
    stopWorker,
    close: async () => {
      await stopWorker();
      await ledger.close();
      await Promise.allSettled([connection.close(), temporal.close()]);
      await server.stop();
      folder.remove();
    },
  };
}

/** Scripted trouble is no news: only what nobody scripted is printed. One runtime per process; an earlier one stays. */
function quietRuntime(): void {
  try {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
  } catch (thrown) {
    if (!(thrown instanceof Error) || thrown.name !== 'IllegalStateError') throw thrown;
  }
}
