import { KeybatonError } from './errors.ts';

/** Keeps what one connection wrote, and what it saw others write, on disk before anybody is told of it. */
export interface Disk {
  /** Notes what has been written or seen until now; asked inside a transaction, or right after its end. */
  look(): void;
  /** Resolves when all that was noted is on disk. AMBIGUOUS for ever after the disk has failed once: start anew. */
  settled(): Promise<void>;
  /** When all that was noted is on disk, or the disk has failed. Again: no change. */
  close(): Promise<void>;
}

export interface Syncing {
  /** For people: whose disk it is. */
  readonly of: string;
  /** Changes with every change that the connection made or can see. */
  readonly state: () => string;
  readonly sync: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** One call of `sync` serves all who wait when it begins. */
export function keepOnDisk({ of, state, sync, close }: Syncing): Disk {
  let known = '';
  let noted = 0;
  let onDisk = 0;
  let running: Promise<void> | undefined;
  let broken: KeybatonError | undefined;
  let closing: Promise<void> | undefined;

  async function run(): Promise<void> {
    const reached = noted;
    try {
      await sync();
      onDisk = reached;
    } catch (thrown) {
      // A disk that has failed to keep something may say the next time that all is well.
      broken = new KeybatonError(
        'AMBIGUOUS',
        `the disk of ${of} failed while a write was ending: it may have happened; look at the disk, then start again`,
        { cause: thrown },
      );
    } finally {
      running = undefined;
    }
  }

  async function settled(): Promise<void> {
    const wanted = noted;
    while (onDisk < wanted) {
      if (broken !== undefined) throw broken;
      // One that began before ours was written does not keep it.
      await (running ??= run());
    }
  }

  return {
    look() {
      const now = state();
      if (now === known) return;
      known = now;
      noted += 1;
    },
    settled,
    async close() {
      // Twice would close a file of somebody else, who got its number meanwhile. Whoever waits for the disk has been told of a failure.
      closing ??= settled()
        .catch(() => undefined)
        .then(close);
      await closing;
    },
  };
}
