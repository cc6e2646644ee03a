import type { Dimensions } from './scenario.ts';

/** Seeds in a row, and what came of them. */
export interface Block {
  readonly from: number;
  readonly seeds: number;
  readonly length: Dimensions['length'];
}

export interface BlockPlayed {
  readonly events: number;
  readonly promotions: number;
  readonly incidents: number;
  /** Simulated milliseconds. */
  readonly lasted: number;
  readonly broken: readonly Broken[];
}

export interface Broken {
  readonly seed: number;
  readonly violations: readonly string[];
}

export function together(blocks: readonly BlockPlayed[]): BlockPlayed {
  const sum = (of: (one: BlockPlayed) => number): number => blocks.reduce((total, one) => total + of(one), 0);
  return {
    events: sum((one) => one.events),
    promotions: sum((one) => one.promotions),
    incidents: sum((one) => one.incidents),
    lasted: sum((one) => one.lasted),
    broken: blocks.flatMap((one) => one.broken).toSorted((one, other) => one.seed - other.seed),
  };
}
