import { scattered } from '../../domain/jitter.ts';
import type { ContainmentPorts } from './ports.ts';

/** The longest single rest, and all of one batch together, milliseconds. */
const longest = 2_000;
const together = 5_000;
/** A provider that names no time, or next to none, is left alone for so long, milliseconds. */
const shortest = 500;
/** Batches of one target that rest at a time: each holds a place in which another target's keys could be killed. */
const atOnce = 10;

/** How many batches rest now at each target, by the process that makes the calls. */
const resting = new WeakMap<ContainmentPorts, Map<string, number>>();

export interface Rests {
  /** Resolves when nothing rests. */
  now(): Promise<void>;
  /** Rests once for all calls of the batch. False: it was asked for too long, or there was no time; others are to decide. */
  sitOut(asked: number): Promise<boolean>;
}

/**
 * The short rests that a provider asks one batch for. They are sat out where they are asked for: a timer of a workflow comes
 * a second late and wakes every batch at the same moment, and meanwhile nothing of the target is killed.
 */
export function openRests(
  ports: ContainmentPorts,
  target: string,
  batch: { readonly left: () => number; readonly over: () => void },
  signal: AbortSignal,
): Rests {
  const others = resting.get(ports) ?? new Map<string, number>();
  resting.set(ports, others);
  const count = (more: number): void => void others.set(target, (others.get(target) ?? 0) + more);
  let spent = 0;
  let current: Promise<void> | undefined;

  async function rest(milliseconds: number): Promise<void> {
    spent += milliseconds;
    count(1);
    try {
      await ports.sleep(milliseconds, signal);
    } finally {
      count(-1);
      current = undefined;
      batch.over();
    }
  }

  return {
    async now() {
      await current;
    },
    async sitOut(asked) {
      if (current === undefined) {
        const chance = (ports.random(1)[0] ?? 0) / 256;
        const milliseconds = scattered(Math.max(shortest, asked), chance);
        const tooLong = asked > longest || spent + milliseconds > together || milliseconds >= batch.left();
        if (tooLong || (others.get(target) ?? 0) >= atOnce) return false;
        current = rest(milliseconds);
      }
      await current;
      return !signal.aborted;
    },
  };
}
