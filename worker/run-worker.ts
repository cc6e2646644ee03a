import type { Client } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createActivities } from '../activities/activities.ts';
import { createSweepActivities } from '../activities/sweep/activities.ts';
import type { SweepHooks } from '../activities/sweep/ports.ts';
import { KeybatonError } from '../domain/errors.ts';
import { queues } from '../domain/queues.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { activityPorts, type Adapters } from './activity-ports.ts';
import { buildOf, buildsAmong, describeBuilds, identityOf, oneBuild } from './builds.ts';
import { runEmergencyWorkers } from './emergency-workers.ts';
import { incidentActivities } from './incident-activities.ts';
import type { InstallationKey } from './installation-key.ts';
import { activitySignal, guardActivities } from './interceptors.ts';
import { sweepPorts } from './open-sweep-ports.ts';
import { readPollers } from './pollers.ts';
import { openScheduledDrills } from './scheduled-drills.ts';
import { keepSchedule, type SweepScheduleSettings } from './schedule.ts';
import { openSweepHooks } from './sweep-hooks.ts';
import { connectTemporal, workflowStarter, type TemporalAddress } from './temporal.ts';
import { workflowBundle } from './workflow-bundle.ts';

export interface RunWorker {
  readonly temporal: TemporalAddress;
  readonly ledger: Ledger;
  readonly key: InstallationKey;
  readonly adapters: Adapters;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
  readonly payloadCodecs?: readonly PayloadCodec[];
  /** Keeps the Schedule of the sweeps; none is made without it. */
  readonly sweep?: SweepScheduleSettings;
  /** What is done with every sweep; unsaid: everything, for a worker that takes part in incidents. */
  readonly hooks?: SweepHooks;
  /** keybaton's own folder, and its kill sheet; without them this worker takes no part in incidents. */
  readonly incidents?: { readonly home: string; readonly killSheet: string };
  /** Called once, when all queues are polled. */
  readonly ready?: () => void;
}

export interface RunningWorker {
  /** Resolves when every queue has drained; rejects when one fails for good. */
  readonly ended: Promise<void>;
  stop(): void;
}

/**
 * Polls the queues of rotations, emergencies, killing and watching, and one for each target with a rate limit. Each has
 * slots of its own: killing waits for no backlog, and for nothing that waits for a ledger or a backend.
 */
export async function runWorker(input: RunWorker): Promise<RunningWorker> {
  const { temporal, ledger, key, adapters, environment, log } = input;
  const connection = await NativeConnection.connect({ address: temporal.address }).catch(() => {
    throw new KeybatonError(
      'UNAVAILABLE',
      `Temporal does not answer at ${temporal.address}: start it (\`keybaton up\`), or set TEMPORAL_ADDRESS`,
    );
  });
  const payloadCodecs = [...(input.payloadCodecs ?? [])];
  const { client, close } = await connectTemporal(temporal, payloadCodecs);
  const ports = activityPorts({ ledger, key, adapters, environment, workflows: workflowStarter(client) });
  const incidents =
    input.incidents &&
    incidentActivities({ ledger, key, adapters, environment, client, ...input.incidents }, activitySignal);
  const swept =
    input.hooks === undefined && input.incidents !== undefined
      ? await openSweepHooks({ ledger, key, adapters, environment, ...input.incidents })
      : undefined;
  const drilling = openScheduledDrills({ ports, client, environment }, activitySignal);
  const hooks = { startDrills: () => drilling.start(), ...(input.hooks ?? swept?.hooks) };
  const activities = {
    ...createActivities(ports, activitySignal),
    ...incidents?.activities,
    ...drilling.activities,
    ...createSweepActivities(sweepPorts(ports, client, hooks), activitySignal),
  };
  const bundle = await workflowBundle();
  const build = await buildOf(bundle);
  const shared = {
    connection,
    identity: identityOf(build),
    namespace: temporal.namespace,
    activities,
    dataConverter: { payloadCodecs },
    interceptors: { activity: [guardActivities] },
    // A killed worker's workflows wait this long for it, then any other takes them.
    stickyQueueScheduleToStartTimeout: '2 s',
    shutdownGraceTime: '20 s',
    shutdownForceTime: '40 s',
  };
  // Most of them wait: for a provider's answer, or for the rest that it asks for.
  const kills = { maxConcurrentActivityTaskExecutions: 200 };
  const workers = await Promise.all([
    Worker.create({ ...shared, taskQueue: queues.rotations, workflowBundle: bundle }),
    Worker.create({
      ...shared,
      taskQueue: queues.emergency,
      workflowBundle: bundle,
      ...kills,
    }),
    // The parts of incidents run here: among the workflows of the rotations that they wake they would wait for their turn.
    Worker.create({
      ...shared,
      taskQueue: queues.containment,
      workflowBundle: bundle,
      ...kills,
    }),
    Worker.create({ ...shared, taskQueue: queues.watching, maxConcurrentActivityTaskExecutions: 200 }),
  ]);
  await tellOtherBuilds(client, build, log);
  if (input.sweep !== undefined) await schedule(client, input.sweep, log);
  log.info({ address: temporal.address, build }, 'worker polls');
  const limited =
    incidents && runEmergencyWorkers({ shared, rates: incidents.rates, told: (trouble) => log.warn({}, trouble) });
  const runs = [...workers.map((worker) => worker.run()), ...(limited === undefined ? [] : [limited.ended])];
  input.ready?.();
  const stop = (): void => {
    limited?.stop();
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const ended = Promise.all(runs)
    .then(() => undefined)
    // One queue that fails for good takes the process down: half a worker would look healthy.
    .catch((thrown: unknown) => {
      stop();
      throw thrown;
    })
    .finally(async () => {
      await Promise.allSettled(runs);
      await Promise.allSettled([close(), connection.close(), swept?.close(), drilling.close()]);
    });
  return { ended, stop };
}

/** A worker without the Schedule works all the same; `doctor` says that nothing comes by itself. */
async function schedule(client: Client, sweep: SweepScheduleSettings, log: Logger): Promise<void> {
  try {
    const answer = await client.withDeadline(Date.now() + 10_000, () => keepSchedule(client, sweep));
    log.info({ schedule: answer, every: sweep.every }, 'sweeps are scheduled');
  } catch {
    log.error(
      {},
      'Temporal did not take the Schedule of the sweeps: start the worker again, and ask `keybaton doctor`',
    );
  }
}

/** What an update leaves behind, or brings before its time, is told at once; a worker that cannot ask works all the same. */
async function tellOtherBuilds(client: Client, build: string, log: Logger): Promise<void> {
  try {
    const pollers = await client.withDeadline(Date.now() + 3_000, () => readPollers(client));
    const others = buildsAmong(pollers).filter((one) => one.build !== build);
    if (others.length === 0) return;
    log.warn(
      { build },
      `workers of another build poll too: ${describeBuilds(others)}; this one is ${build}: ${oneBuild}`,
    );
  } catch {
    log.warn({ build }, 'Temporal does not say which other workers poll: ask with `keybaton doctor`');
  }
}
