import { condition } from '@temporalio/workflow';
import { backoff } from '../domain/incident-clock.ts';
import type { IncidentPace } from '../domain/incident.ts';
import type { Notice } from '../domain/notice.ts';
import { incidentEffects } from './effects.ts';
import { openOutbox, type Outbox } from './incident-outbox.ts';

/** What each channel answered last about this incident, by its name: it edits one message in place. */
export type Remembered = Record<string, string>;

/** So often a channel that takes nothing is tried once the incident is closed; the ledger has all of it anyway. */
export const lastTries = 5;

/** People are told in order, each channel until it has taken the notice or never will. */
export function openNotices(
  pace: IncidentPace,
  carried: readonly Notice[],
  remembered: Remembered,
  state: { readonly closed: () => boolean; readonly renewed: () => boolean },
): Outbox<Notice> {
  let only: readonly string[] | undefined;
  let tries = 0;
  return openOutbox<Notice>(pace, carried, async ([notice]) => {
    if (notice === undefined) return 0;
    const input = only === undefined ? { notice, remembered } : { notice, remembered, only };
    const deliveries = await incidentEffects.tellPeople(input);
    for (const { channel, memory } of deliveries) if (memory !== undefined) remembered[channel] = memory;
    const again = deliveries.filter(({ outcome }) => outcome === 'again');
    tries += 1;
    if (again.length > 0 && !(state.closed() && tries >= lastTries)) {
      only = again.map(({ channel }) => channel);
      const asked = Math.max(0, ...again.map(({ againIn }) => againIn ?? 0));
      await condition(state.renewed, Math.max(asked, backoff(pace, tries)));
      return 0;
    }
    only = undefined;
    tries = 0;
    return 1;
  });
}
