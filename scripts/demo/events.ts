import { poll } from '../servers/poll.ts';
import type { Program } from '../servers/program.ts';

/** One event of the ledger, as `keybaton watch --json` tells it. */
export interface Told {
  readonly n: number;
  readonly at: number;
  readonly actor: string;
  readonly kind: string;
  readonly credential: string | null;
  readonly version: string | null;
  readonly epoch: number | null;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Events {
  readonly all: () => readonly Told[];
  /** The number of the newest event: what comes later is greater. */
  readonly newest: () => number;
  /** Waits for one, of those that are there and those to come. */
  next(what: string, matches: (event: Told) => boolean, within?: number): Promise<Told>;
  count(matches: (event: Told) => boolean): number;
}

/** Follows the output of `keybaton watch --json`. */
export function followEvents(program: Program, heard: (event: Told) => void): Events {
  const events: Told[] = [];
  let read = 0;
  let text = '';

  function look(): void {
    text = program.output();
    const end = text.lastIndexOf('\n') + 1;
    for (const line of text.slice(read, end).split('\n')) {
      if (!line.startsWith('{')) continue;
      // `keybaton watch --json` prints one event per line; alarms that were open before it began have no event.
      const { event } = JSON.parse(line) as { readonly event?: Told };
      if (event === undefined) continue;
      events.push(event);
      heard(event);
    }
    read = end;
  }
  const timer = setInterval(look, 100);
  timer.unref();

  return {
    all: () => (look(), events),
    newest: () => (look(), events.at(-1)?.n ?? 0),
    next: (what, matches, within = 90_000) =>
      poll(
        () => {
          look();
          const found = events.find(matches);
          if (found === undefined && !program.isRunning()) throw new Error('keybaton watch has ended');
          return found;
        },
        { what, within, every: 50 },
      ),
    count: (matches) => (look(), events.filter(matches).length),
  };
}
