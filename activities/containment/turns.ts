import type { BoundProvider } from '../ports.ts';
import type { ContainmentPorts } from './ports.ts';

/** Calls that are further apart than this are kept to their rate by the queue of their target alone, milliseconds. */
const furthest = 1_000;

/** When the next call may be made at each target, by the process that makes them. */
const turns = new WeakMap<ContainmentPorts, Map<string, Promise<void>>>();

/**
 * Resolves when it is the turn of one more call of administration, or after `atMost` milliseconds. The queue of a target
 * starts no more batches than its provider bears; within a second a batch must not come all at once either, or a
 * provider that allows no burst turns the most of it away, and asks for a rest in which nothing is killed. Each turn is
 * counted from the one before it: what a stalled process has held back does not come in a rush.
 */
export async function inTurn(
  ports: ContainmentPorts,
  { target, rate }: Pick<BoundProvider, 'target' | 'rate'>,
  atMost: number,
  signal: AbortSignal,
): Promise<void> {
  if (rate === undefined) return;
  const next = turns.get(ports) ?? new Map<string, Promise<void>>();
  turns.set(ports, next);
  const mine = next.get(target) ?? Promise.resolve();
  const apart = Math.min(furthest, rate.per / rate.calls);
  // Whoever gave up waiting has its turn all the same: nobody else's is held up by it.
  next.set(
    target,
    mine.then(() => ports.sleep(apart, new AbortController().signal)),
  );
  const waited = new AbortController();
  await Promise.race([mine, ports.sleep(atMost, AbortSignal.any([signal, waited.signal]))]);
  waited.abort();
}
