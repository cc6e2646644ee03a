/** One figure at one moment. */
export interface Sample {
  /** Milliseconds since the storm began. */
  readonly at: number;
  readonly value: number;
}

/** How a figure moved, once the first third, in which everything warms up, is left out. */
export interface Trend {
  readonly samples: number;
  /** How long was looked at, in minutes. */
  readonly minutes: number;
  readonly first: number;
  readonly last: number;
  /** By the median of the slopes between all pairs: a single outlier moves it little. */
  readonly perMinute: number;
  /** What that slope adds over the time that was looked at. */
  readonly grown: number;
}

/**
 * The floor of each window first: memory of a process goes up and down with its garbage collector, and what leaks lifts
 * the floor.
 */
export function trendOf(samples: readonly Sample[], windows = 24): Trend | undefined {
  const end = samples.at(-1)?.at ?? 0;
  const settled = samples.filter(({ at }) => at >= end / 3);
  const begin = settled[0]?.at ?? 0;
  const width = Math.max(1, (end - begin) / windows);
  const floors: Sample[] = [];
  for (let index = 0; index < windows; index += 1) {
    const from = begin + index * width;
    const to = index === windows - 1 ? Infinity : from + width;
    const inside = settled.filter(({ at }) => at >= from && at < to);
    const lowest = inside.toSorted((one, other) => one.value - other.value)[0];
    if (lowest !== undefined) floors.push(lowest);
  }
  const [first, last] = [floors[0], floors.at(-1)];
  if (first === undefined || last === undefined || floors.length < 4) return undefined;
  const slopes = floors.flatMap((one, index) =>
    floors.slice(index + 1).map((other) => (other.value - one.value) / (other.at - one.at)),
  );
  const slope = median(slopes);
  return {
    samples: settled.length,
    minutes: (last.at - first.at) / 60_000,
    first: first.value,
    last: last.value,
    perMinute: slope * 60_000,
    grown: slope * (last.at - first.at),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [upper = 0, lower = upper] = [sorted[middle], sorted[middle - (sorted.length % 2 === 0 ? 1 : 0)]];
  return (upper + lower) / 2;
}
