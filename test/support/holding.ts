/** One call that stands still where the test wants it. */
export interface Held {
  /** Resolves when a call has arrived and waits. */
  readonly arrived: Promise<void>;
  letGo(): void;
}

export interface Holding {
  /** The next call of this operation waits before its effect until it is let go. */
  hold(this: void, operation: string): Held;
  /** The adapter, with its asynchronous operations passing here. */
  around<Adapter extends object>(adapter: Adapter): Adapter;
}

/** `generate` and `traits` are pure and answer at once: nobody can stand still in them. */
const immediate = new Set(['generate', 'traits', 'killByHand']);

export function holding(): Holding {
  const waiting = new Map<string, { arrive: () => void; readonly go: Promise<void> }>();

  function hold(operation: string): Held {
    const arrival = Promise.withResolvers<undefined>();
    const go = Promise.withResolvers<undefined>();
    waiting.set(operation, { arrive: () => arrival.resolve(undefined), go: go.promise });
    return { arrived: arrival.promise, letGo: () => go.resolve(undefined) };
  }

  async function pass(operation: string): Promise<void> {
    const held = waiting.get(operation);
    if (held === undefined) return;
    waiting.delete(operation);
    held.arrive();
    await held.go;
  }

  return {
    hold,
    around: (adapter) =>
      new Proxy(adapter, {
        get(target, property) {
          const found: unknown = Reflect.get(target, property);
          if (typeof found !== 'function' || typeof property !== 'string' || immediate.has(property)) return found;
          return async (...given: unknown[]): Promise<unknown> => {
            await pass(property);
            return Reflect.apply(found, target, given) as unknown;
          };
        },
      }),
  };
}
