import type { CredentialId } from '../domain/identifiers.ts';

/** A drill that a sweep started, or a person at the API. The worker brings it: it goes the way that people's drills and emergencies go. */
export interface DrillActivities {
  runDrill(input: ScheduledDrill): Promise<ScheduledDrillEnd>;
}

export interface ScheduledDrill {
  readonly credential: CredentialId;
  /** Who asked for it; undefined: the sweep. */
  readonly actor?: string;
}

/** The whole result is in the ledger. */
export type ScheduledDrillEnd =
  | { readonly kind: 'drilled'; readonly incident: string; readonly verdict: 'passed' | 'failed' }
  /** Nothing was done; the sweep asks again. */
  | { readonly kind: 'refused'; readonly code: string; readonly why: string };
