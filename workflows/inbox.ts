import { condition, setHandler } from '@temporalio/workflow';
import type { VersionId } from '../domain/identifiers.ts';
import { escalate, wake } from './messages.ts';

/**
 * The one place where messages arrive and escalations are drained. `fresh` is an escalation that the current plan has
 * not seen; `woken` only says: ask again now.
 */
export interface Inbox {
  /** Every version named by an escalation so far; draining marks them seen. */
  take(): readonly VersionId[];
  /** As `take`, without marking: for carrying over a continue-as-new. */
  known(): readonly VersionId[];
  fresh(): boolean;
  escalated(): boolean;
  /** Cleared before an effect starts, never after: a wake during the effect is not lost. */
  sleepless(): void;
  /** Until a wake, a fresh escalation, or this many milliseconds. */
  pause(milliseconds: number): Promise<void>;
}

export function openInbox(carried: readonly VersionId[]): Inbox {
  const compromised = new Set(carried);
  let fresh = false;
  let woken = false;

  setHandler(escalate, (escalation) => {
    fresh = true;
    for (const version of escalation.compromised) compromised.add(version);
  });
  setHandler(wake, () => {
    woken = true;
  });

  return {
    take: () => {
      fresh = false;
      return [...compromised];
    },
    known: () => [...compromised],
    fresh: () => fresh,
    escalated: () => compromised.size > 0,
    sleepless: () => {
      woken = false;
    },
    pause: async (milliseconds) => {
      await condition(() => woken || fresh, milliseconds);
    },
  };
}
