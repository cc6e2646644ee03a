import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { countTyped } from '../../domain/incident.ts';
import { within } from '../operations/within.ts';
import { jsonFile } from './json-file.ts';

/** How many credentials somebody may kill alone, over all their calls. */
export interface KillAllowance {
  /**
   * Counts these for one hand, before anything dies. What the same hand has killed within the window is not counted again. Never
   * fails: a disk that cannot be written must not keep a thief's key alive, and then this process alone counts.
   */
  take(asked: { readonly hand: string; readonly killed: readonly string[]; readonly now: number }): Promise<Taken>;
}

export interface Taken {
  /** False: it would be too many, and nothing was counted. */
  readonly alone: boolean;
  /** How many the hand has killed within the window, these apart. */
  readonly before: number;
  /** For a call that killed nothing. */
  readonly giveBack: () => Promise<void>;
}

/**
 * Milliseconds: four times what one emergency may take from its declaration to its report, so that an incident is counted
 * whole however it is cut into calls; and short enough that one person alone on call can answer the next leak of the night.
 */
export const killWindow = 60 * 60_000;

const diskPatience = 3_000;

const line = z.union([
  z.object({ kills: z.string(), hand: z.string(), killed: z.array(z.string()), at: z.number() }),
  z.object({ undone: z.string() }),
]);
type Line = z.output<typeof line>;

/** One synced file of mode 0600: over all processes of this machine and their restarts, without a database. */
export function openKillAllowance(path: string, trouble: (what: string) => void = () => undefined): KillAllowance {
  const file = jsonFile(path, line);
  /** What this process has written, or could not. */
  let own: Line[] = [];

  async function keep(one: Line): Promise<void> {
    own.push(one);
    await within('the disk', diskPatience, file.append(one)).catch(() =>
      trouble('who killed how many is counted in memory alone: the disk cannot be written'),
    );
  }

  async function lines(now: number): Promise<readonly Line[]> {
    own = own.filter((one) => 'undone' in one || one.at > now - killWindow).slice(-10_000);
    const kept = await within('the disk', diskPatience, file.read()).catch(() => {
      trouble('who killed how many is counted in memory alone: the file cannot be read');
      return [];
    });
    const written = new Set(kept.map(nameOf));
    return [...kept, ...own.filter((one) => !written.has(nameOf(one)))];
  }

  /** In the order of the file, which every process reads alike: of two calls at once one is the later. */
  async function killedBy(hand: string, now: number, upTo?: string): Promise<ReadonlySet<string>> {
    const all = await lines(now);
    const undone = new Set(all.flatMap((one) => ('undone' in one ? [one.undone] : [])));
    const end = all.findIndex((one) => 'kills' in one && one.kills === upTo);
    return new Set(
      all
        .slice(0, end < 0 ? undefined : end)
        .flatMap((one) =>
          'kills' in one && one.hand === hand && one.at > now - killWindow && !undone.has(one.kills) ? one.killed : [],
        ),
    );
  }

  return {
    async take({ hand, killed, now }) {
      const before = await killedBy(hand, now);
      const fresh = [...new Set(killed)].filter((one) => !before.has(one));
      const fits = (known: ReadonlySet<string>): boolean => new Set([...known, ...fresh]).size <= countTyped;
      if (fresh.length === 0) return { alone: true, before: before.size, giveBack: async () => undefined };
      if (!fits(before)) return { alone: false, before: before.size, giveBack: async () => undefined };
      const id = randomBytes(8).toString('hex');
      const giveBack = (): Promise<void> => keep({ undone: id });
      await keep({ kills: id, hand, killed: fresh, at: now });
      // What another call has written in the meantime stands before ours, and counts first.
      const earlier = await killedBy(hand, now, id);
      if (fits(earlier)) return { alone: true, before: earlier.size, giveBack };
      await giveBack();
      return { alone: false, before: earlier.size, giveBack: async () => undefined };
    },
  };
}

const nameOf = (one: Line): string => ('kills' in one ? `kills ${one.kills}` : `undone ${one.undone}`);
