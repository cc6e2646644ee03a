import { codeOf } from '../../domain/errors.ts';
import type { SweepPorts } from './ports.ts';

export interface CalledHooks {
  readonly called: readonly string[];
  /** Hooks that failed, with the code of their trouble; the next sweep calls them again. */
  readonly troubled: readonly string[];
}

/** The bundle for killing by hand is written anew each day. */
const daily = 86_400_000;
/** Drills are looked for each hour: they begin one at a time at each target. */
const hourly = 3_600_000;

/** What others do with every sweep, each on its own: none waits for another's trouble to end. */
export async function callHooks({ hooks, ledger }: SweepPorts): Promise<CalledHooks> {
  const called: string[] = [];
  const troubled: string[] = [];
  const attempt = async (name: string, hook: (() => Promise<unknown>) | undefined): Promise<boolean> => {
    if (hook === undefined) return false;
    try {
      await hook();
      called.push(name);
      return true;
    } catch (thrown) {
      troubled.push(`${name}: ${codeOf(thrown)}`);
      return false;
    }
  };
  await attempt('importJournals', hooks.importJournals);
  // After what was killed alone is known.
  await attempt('endIncidents', hooks.endIncidents);
  await attempt('deliverNotices', hooks.deliverNotices);
  const now = await ledger.clock();
  const bundled = Number((await ledger.remembered('by-hand bundle')) ?? 0);
  if (now - bundled >= daily && (await attempt('writeByHandBundle', hooks.writeByHandBundle)))
    await ledger.remember('by-hand bundle', String(now));
  const drilled = Number((await ledger.remembered('drills started')) ?? 0);
  if (now - drilled >= hourly && (await attempt('startDrills', hooks.startDrills)))
    await ledger.remember('drills started', String(now));
  return { called, troubled };
}
