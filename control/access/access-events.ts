import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import type { Ledger } from '../../ledger/ledger.ts';
import { within } from '../operations/within.ts';
import { jsonFile, markOf } from './json-file.ts';

export interface AccessEvent {
  readonly kind: string;
  readonly actor: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface AccessEvents {
  /** In the ledger when it returns, or, while that does not answer, on this machine's disk until it does. */
  write(event: AccessEvent): Promise<void>;
  /** Brings what waits on disk into the ledger; what fails waits on. */
  drain(): Promise<void>;
  /** Ends what runs of it. */
  close(): Promise<void>;
}

const line = z.object({
  id: z.string(),
  at: z.number(),
  kind: z.string(),
  actor: z.string(),
  body: z.record(z.string(), z.unknown()),
});

/** Milliseconds that an answer waits for the ledger; and, for as long after it gave none, how long the next answers do. */
const patience = 1_500;
const missed = { wait: 200, lasts: 10_000 };

/** Who did what, as events of the ledger; a synced file of mode 0600 stands in for it while it is down. */
export function openAccessEvents(
  path: string,
  ledger: () => Promise<Pick<Ledger, 'note'>>,
  trouble: (what: string) => void,
): AccessEvents {
  let draining: Promise<void> = Promise.resolve();
  const spool = jsonFile(path, line);
  let wait = false;
  let missedUntil = 0;

  async function note({ kind, actor, body }: AccessEvent, longest = patience): Promise<void> {
    const noted = ledger().then((open) => open.note({ kind, actor, body }));
    try {
      await within('the ledger', longest, noted);
      missedUntil = 0;
    } catch (thrown) {
      missedUntil = performance.now() + missed.lasts;
      throw thrown;
    }
  }

  async function keep(event: AccessEvent): Promise<void> {
    await spool.append({ id: randomUUID(), at: Date.now(), ...event });
    wait = true;
  }

  async function drainNow(): Promise<void> {
    // Moved aside first: what is written meanwhile goes to a file of its own, and a crash leaves the part that was moved.
    const aside = `${path}.sending`;
    if ((await markOf(aside)) === undefined) {
      if ((await markOf(path)) === undefined) return;
      await rename(path, aside);
    }
    const sending = jsonFile(aside, line);
    const sent = new Set<string>();
    // Read until nothing is new: who had opened the file before it was moved writes into it still.
    for (let left = await sending.read(); left.length > 0;) {
      for (const { id, at, ...event } of left) {
        // After a crash half-way the first of them come again: the id tells.
        await note({ ...event, body: { ...event.body, spooled: id, happenedAt: at } });
        sent.add(id);
      }
      left = (await sending.read()).filter(({ id }) => !sent.has(id));
    }
    await rm(aside);
  }

  async function drain(): Promise<void> {
    draining = draining.then(async () => {
      try {
        await drainNow();
        wait = (await markOf(path)) !== undefined;
      } catch {
        wait = true;
        trouble('who did what waits on disk until the ledger answers');
      }
    });
    return draining;
  }

  return {
    async write(event) {
      try {
        await note(event, performance.now() < missedUntil ? missed.wait : patience);
      } catch {
        // Its fate may be unknown: twice in the record is better than not at all.
        await keep(event);
        return;
      }
      if (wait) void drain();
    },
    drain,
    close: () => draining,
  };
}
