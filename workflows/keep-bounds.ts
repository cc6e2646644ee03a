import { ActivityFailure, condition, isCancellation } from '@temporalio/workflow';
import type { VersionId } from '../domain/identifiers.ts';
import { scattered } from '../domain/jitter.ts';
import type { Answer, Pace, RunPlan } from '../domain/rotation.ts';

/** Leaked versions that may live on for a while, each until its bound. */
export interface Bounds {
  /** As the newest plan says. A bound moves nearer with a later plan, never further away. */
  set(plan: RunPlan): void;
  /** Is this version (any version) waiting for its replacement, rather than killed first? */
  waits(version?: VersionId): boolean;
  /** Milliseconds; 0 when its time is over. */
  remaining(version: VersionId): number;
}

/**
 * Kills each bounded version when its time is over, beside whatever the run is doing: no effect that hangs, no backend that
 * is down and no replacement that cannot be made keeps it alive. Tried until it is dead, or a later plan leaves it out.
 */
export function keepBounds(kill: (version: VersionId) => Promise<Answer<null>>, pace: Pace): Bounds {
  const killBy = new Map<VersionId, number>();
  let waiting: readonly VersionId[] = [];
  let changes = 0;
  let kept = false;

  function set(plan: RunPlan): void {
    const { bounds = [], killFirst } = plan;
    const now = Date.now();
    for (const id of killBy.keys()) if (!bounds.some(({ version }) => version === id)) killBy.delete(id);
    for (const { version, within } of bounds)
      killBy.set(version, Math.min(killBy.get(version) ?? Infinity, now + within));
    waiting = bounds.map(({ version }) => version).filter((id) => !killFirst.includes(id));
    changes += 1;
    if (kept || killBy.size === 0) return;
    kept = true;
    void keep();
  }

  async function keep(): Promise<void> {
    let again = 0;
    for (;;) {
      const seen = changes;
      const changed = (): boolean => changes !== seen;
      const next = Math.max(again, Math.min(...killBy.values()));
      if (next === Infinity) {
        await condition(changed);
        again = 0;
      } else if (next > Date.now()) {
        // A bound that has passed is tried again at its pace, whatever is planned meanwhile.
        const left = next - Date.now();
        if (await condition(changed, next === again ? scattered(left, Math.random()) : left)) continue;
      } else {
        const wait = await killDue();
        if (wait === 'cancelled') return;
        again = Date.now() + wait;
      }
    }
  }

  /** Answers after how long to try again; what is dead is left out. */
  async function killDue(): Promise<number | 'cancelled'> {
    let wait = 0;
    for (const [id, at] of [...killBy]) {
      if (at > Date.now()) continue;
      try {
        const answer = await kill(id);
        if (answer.kind === 'done') killBy.delete(id);
        else wait = Math.max(wait, answer.kind === 'wait' ? answer.againIn : 0, pace.retryFrom);
      } catch (thrown) {
        if (isCancellation(thrown)) return 'cancelled';
        if (!(thrown instanceof ActivityFailure)) throw thrown;
        wait = Math.max(wait, pace.retryFrom);
      }
    }
    return Math.min(wait, pace.retryTo);
  }

  return {
    set,
    waits: (version) => (version === undefined ? waiting.length > 0 : waiting.includes(version)),
    remaining: (version) => Math.max(0, (killBy.get(version) ?? 0) - Date.now()),
  };
}
