import { setTimeout as after } from 'node:timers/promises';
import type { WorkerOptions } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import type { RateLimit } from '../domain/incident.ts';
import { emergencyQueue, startsPerSecond } from '../domain/queues.ts';

export interface EmergencyWorkersInput {
  /** Everything but the queue and its limits. */
  readonly shared: Omit<WorkerOptions, 'taskQueue'>;
  /** Rate limits of targets as applied now. */
  readonly rates: () => Promise<Readonly<Record<string, RateLimit>>>;
  /** Milliseconds between two looks at them. */
  readonly every?: number;
  readonly told?: (trouble: string) => void;
}

export interface EmergencyWorkers {
  /** Rejects when one fails for good. */
  readonly ended: Promise<void>;
  stop(): void;
}

/**
 * Polls one queue for each target with a rate limit, which the server keeps to it, over all workers. Targets come and
 * go with the inventory; until a new one is polled its keys are killed from the shared queue.
 */
export function runEmergencyWorkers({ shared, rates, every = 15_000, told }: EmergencyWorkersInput): EmergencyWorkers {
  const stopping = new AbortController();
  // A ledger that hangs must not keep the process from stopping.
  const stopped = new Promise<undefined>((resolve) => {
    stopping.signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const polling = new Map<string, { readonly limit: string; readonly worker: Worker; readonly run: Promise<void> }>();

  async function agree(): Promise<void> {
    const wanted = await Promise.race([rates(), stopped]);
    if (wanted === undefined) return;
    for (const [target, { limit, worker, run }] of polling) {
      if (JSON.stringify(wanted[target]) === limit) continue;
      worker.shutdown();
      await run;
      polling.delete(target);
    }
    for (const [target, rate] of Object.entries(wanted)) {
      if (polling.has(target) || stopping.signal.aborted) continue;
      const worker = await Worker.create({
        ...shared,
        taskQueue: emergencyQueue(target),
        maxTaskQueueActivitiesPerSecond: startsPerSecond(rate),
        // A handful is under way for each target; many targets share one process.
        maxConcurrentActivityTaskExecutions: 10,
        maxConcurrentActivityTaskPolls: 2,
      });
      polling.set(target, { limit: JSON.stringify(rate), worker, run: worker.run() });
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await agree().catch((thrown: unknown) => {
        if (polling.size > 0 && [...polling.values()].some(({ worker }) => worker.getState() === 'FAILED'))
          throw thrown;
        // The ledger is away: what is polled already goes on being polled.
        told?.('rate limits of targets are not known now');
      });
      const failed = [...polling.values()].map((one) => one.run.then(() => undefined));
      await Promise.race([
        after(every, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined),
        ...failed,
      ]);
    }
    for (const { worker } of polling.values()) if (worker.getState() === 'RUNNING') worker.shutdown();
    await Promise.all([...polling.values()].map((one) => one.run));
  }

  return { ended: run(), stop: () => stopping.abort() };
}
