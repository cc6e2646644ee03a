import type { PayloadCodec } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createActivities } from '../activities/activities.ts';
import { KeybatonError } from '../domain/errors.ts';
import { queues } from '../domain/queues.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { activityPorts, type Adapters } from './activity-ports.ts';
import type { InstallationKey } from './installation-key.ts';
import { activitySignal, guardActivities } from './interceptors.ts';
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
  /** Called once, when all queues are polled. */
  readonly ready?: () => void;
}

export interface RunningWorker {
  /** Resolves when every queue has drained; rejects when one fails for good. */
  readonly ended: Promise<void>;
  stop(): void;
}

/** Polls the rotation, emergency and watching queues. Emergencies and watching run on slots of their own: neither waits for a backlog. */
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
  const activities = { ...createActivities(ports, activitySignal) };
  const shared = {
    connection,
    namespace: temporal.namespace,
    activities,
    dataConverter: { payloadCodecs },
    interceptors: { activity: [guardActivities] },
    // A killed worker's workflows wait this long for it, then any other takes them.
    stickyQueueScheduleToStartTimeout: '2 s',
    shutdownGraceTime: '20 s',
    shutdownForceTime: '40 s',
  };
  const bundle = await workflowBundle();
  const workers = await Promise.all([
    Worker.create({ ...shared, taskQueue: queues.rotations, workflowBundle: bundle }),
    Worker.create({ ...shared, taskQueue: queues.emergency, maxConcurrentActivityTaskExecutions: 50 }),
    Worker.create({ ...shared, taskQueue: queues.watching, maxConcurrentActivityTaskExecutions: 200 }),
  ]);
  log.info({ address: temporal.address }, 'worker polls');
  const runs = workers.map((worker) => worker.run());
  input.ready?.();
  const stop = (): void => {
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
      await Promise.allSettled([close(), connection.close()]);
    });
  return { ended, stop };
}
