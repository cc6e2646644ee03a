import type { IncidentView } from './incident-show.ts';
import { pause } from './pause-for.ts';

export interface WatchIncident {
  /** Asks once: `showIncident` here, or the same operation over HTTP. */
  readonly look: () => Promise<IncidentView>;
  /** Milliseconds between questions. */
  readonly every: number;
  readonly signal: AbortSignal;
  /** Is there nothing more to wait for? */
  readonly enough: (view: IncidentView) => boolean;
}

/** Asks until there is nothing more to wait for, or the signal aborts; yields every answer. */
export async function* watchIncident({ look, every, signal, enough }: WatchIncident): AsyncGenerator<IncidentView> {
  while (!signal.aborted) {
    const view = await look();
    yield view;
    if (enough(view)) return;
    await pause(every, signal);
  }
}

/** Every key is dead, or the rest waits for a person. */
export function killed({ keys, counts, open, more, closedAt }: IncidentView): boolean {
  if (closedAt !== null || counts.dead >= keys) return true;
  const left = open.filter(({ state }) => state === 'not contained' || state === 'revoked, not yet dead');
  return more === 0 && left.length > 0 && left.every(({ person }) => person);
}

export const closed = ({ closedAt }: IncidentView): boolean => closedAt !== null;
