import { setTimeout as wait } from 'node:timers/promises';
import type { World } from './world.ts';

/** Looks at providers and backend all the time: what consumers read must be alive at every instant. */
export interface Watch {
  /** Milliseconds in which what consumers read was dead, by credential. */
  readonly dead: ReadonlyMap<string, number>;
  /** What consumers read last. */
  readonly current: ReadonlyMap<string, string>;
  readonly live: () => ReadonlyMap<string, readonly string[]>;
  /** Resolves after one more look at everything. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

/** Milliseconds between two looks. */
const every = 250;

export function watchWorld({ subjects, families, vault }: World): Watch {
  const dead = new Map<string, number>();
  const current = new Map<string, string>();
  let live: ReadonlyMap<string, readonly string[]> = new Map();
  let looks = 0;
  let over = false;
  let last = performance.now();

  async function read(): Promise<void> {
    await Promise.all(
      subjects.map(async ({ label }) => {
        // Who cannot read now goes on with what it read.
        const version = (await vault.read(`ai/${label}`))?.['keybaton_version'];
        if (typeof version === 'string') current.set(label, version);
      }),
    );
  }

  async function look(): Promise<void> {
    const before = new Map(current);
    const found = await Promise.all(Object.values(families).map((family) => family.live()));
    await read();
    live = new Map(found.flatMap((one) => [...one]));
    const now = performance.now();
    for (const [label, version] of before) {
      // A version that came between the two readings was not what the providers were asked about.
      if (current.get(label) !== version || live.get(label)?.includes(version) === true) continue;
      dead.set(label, (dead.get(label) ?? 0) + now - last);
    }
    last = now;
    looks += 1;
  }

  const running = (async () => {
    await read();
    while (!over) {
      await look();
      await wait(every);
    }
  })();

  return {
    dead,
    current,
    live: () => live,
    async look() {
      const from = looks;
      while (looks < from + 2) {
        await Promise.race([wait(20), running.then(() => Promise.reject(new Error('nobody looks any more')))]);
      }
    },
    async stop() {
      over = true;
      await running;
    },
  };
}
