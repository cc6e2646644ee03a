/** A virtual clock and what is to happen when: one thing after the other, in an order that the seed fixes. */
export interface Agenda {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** At this moment, or now when it has passed. Answers how to call it off. */
  readonly at: (moment: number, what: string, act: () => unknown) => () => void;
  /** Resolves when the clock has come so far. */
  sleep(milliseconds: number): Promise<void>;
  /** Lets time pass until that moment, or until nothing is left to happen. `after` is called when all has come to rest after each event. */
  run(until: number, after: () => void): Promise<void>;
  /** Ends `run` after the event that is being handled. */
  stop(): void;
  readonly events: () => number;
}

interface Item {
  readonly at: number;
  readonly order: number;
  readonly act: () => unknown;
  cancelled: boolean;
}

/** Everything the process can do without the clock going on has been done: promises first, then this. */
const rest = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function agenda(start: number): Agenda {
  let now = start;
  let order = 0;
  let handled = 0;
  let stopped = false;
  const heap: Item[] = [];
  const before = (one: Item, other: Item): boolean =>
    one.at < other.at || (one.at === other.at && one.order < other.order);

  function push(item: Item): void {
    heap.push(item);
    for (let index = heap.length - 1; index > 0;) {
      const parent = (index - 1) >> 1;
      if (!swapped(parent, index)) break;
      index = parent;
    }
  }

  /** Exchanges parent and child when the child is to happen first. */
  function swapped(parent: number, child: number): boolean {
    const [above, below] = [heap[parent], heap[child]];
    if (above === undefined || below === undefined || !before(below, above)) return false;
    heap[parent] = below;
    heap[child] = above;
    return true;
  }

  function pop(): Item | undefined {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let index = 0; ;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      const [one, other] = [heap[left], heap[right]];
      const child = other !== undefined && one !== undefined && before(other, one) ? right : left;
      if (!swapped(index, child)) return first;
      index = child;
    }
  }

  const at: Agenda['at'] = (moment, _what, act) => {
    const item: Item = { at: Math.max(moment, now), order: (order += 1), act, cancelled: false };
    push(item);
    return () => (item.cancelled = true);
  };

  return {
    now: () => now,
    at,
    sleep: (milliseconds) => new Promise((resolve) => at(now + milliseconds, 'sleep', () => resolve())),
    events: () => handled,
    stop: () => (stopped = true),
    async run(until, after) {
      stopped = false;
      await rest();
      while (!stopped) {
        const next = heap[0];
        if (next === undefined || next.at > until) break;
        pop();
        if (next.cancelled) continue;
        now = next.at;
        handled += 1;
        await next.act();
        await rest();
        after();
      }
      now = Math.max(now, Math.min(until, heap[0]?.at ?? until));
    },
  };
}
