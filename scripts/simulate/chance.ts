/** Randomness that a seed fixes (mulberry32): no cryptography. */
export interface Chance {
  /** From 0 to below 1. */
  next(): number;
  /** Whole, from `from` to `to`, both included. */
  between(from: number, to: number): number;
  /** True once in so many cases. */
  oneIn(many: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
  bytes(many: number): Uint8Array;
  /** A stream of its own, so that what one actor draws does not change what another does. */
  fork(name: string): Chance;
}

export function chance(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    between,
    oneIn: (many) => next() * many < 1,
    // `between` answers an index of the list, which is never empty here.
    pick: (items) => items[between(0, items.length - 1)] as (typeof items)[number],
    bytes: (many) => Uint8Array.from({ length: many }, () => between(0, 255)),
    fork: (name) =>
      chance(
        [...name].reduce(
          (sum, letter) => Math.imul(sum ^ (letter.codePointAt(0) ?? 0), 16_777_619) >>> 0,
          seed ^ 0x811c9dc5,
        ),
      ),
  };
}
