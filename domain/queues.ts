import type { RateLimit } from './incident.ts';

/** Temporal task queues, by what they carry. */
export const queues = {
  rotations: 'keybaton',
  /** Incidents, what they do beside killing, and the effects of rotations that know of a leak. */
  emergency: 'keybaton-emergency',
  /** Killing alone, and the workflows that do it: what waits for a ledger or a backend never takes its slots. */
  containment: 'keybaton-containment',
  watching: 'keybaton-watching',
} as const;

/** Keys of one target that one activity handles, where nothing limits them. */
const wholeBatch = 25;

/** Where keys of a target with a rate limit are killed: the server starts no more there than its provider bears. */
export const emergencyQueue = (target: string): string => `${queues.emergency}/${target}`;

/** Keys in one activity: about a second's worth of calls. */
export function batchSize(rate: RateLimit | undefined): number {
  return rate === undefined ? wholeBatch : Math.min(wholeBatch, Math.max(1, Math.floor(callsPerSecond(rate))));
}

/** Activities that may start on the target's own queue in a second: one call per key of a batch, and the batch's `list`. */
export function startsPerSecond(rate: RateLimit): number {
  return callsPerSecond(rate) / (batchSize(rate) + 1);
}

export const callsPerSecond = ({ calls, per }: RateLimit): number => (calls * 1_000) / Math.max(1, per);
