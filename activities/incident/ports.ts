import type { CredentialFacts } from '../../domain/facts.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { IncidentProgress } from '../../domain/incident.ts';
import type { IncidentLedger, Ledger } from '../../ledger/ledger.ts';
import type { NotifyPorts } from '../notify.ts';

/** What an incident does beside killing. All of it may be down for as long as it likes: nothing of containment waits. */
export interface IncidentEffectPorts {
  /** Opens it at the first call. May never answer: each effect brings its patience. */
  ledger(): Promise<Ledger & IncidentLedger>;
  readonly rotations: EscalatedRotations;
  readonly parts: IncidentPartRuns;
  readonly notify: NotifyPorts;
  readonly hooks: IncidentHooks;
  /** Tells the workloads of a replaced credential's consumers, and records what they show; a process without it tells none. */
  readonly bringOut?: (facts: CredentialFacts, signal: AbortSignal) => Promise<readonly string[]>;
  readonly now: () => number;
}

/** The client's way to rotations; UNAVAILABLE when Temporal does not answer. */
export interface EscalatedRotations {
  /** signalWithStart: a running rotation drops its waiting, else one starts, past any backlog. */
  escalate(credential: CredentialId, incident: string, compromised: readonly VersionId[]): Promise<void>;
  /** Ends the rotation that runs, if one does, and starts it anew with the escalation. */
  takeOver(credential: CredentialId, incident: string, compromised: readonly VersionId[]): Promise<void>;
  /** Starts it, or wakes it. */
  start(credential: CredentialId, reason: string): Promise<void>;
}

/** The workflows that the frozen set of an incident was handed to. UNAVAILABLE when Temporal does not answer. */
export interface IncidentPartRuns {
  /**
   * `ended`: done, by itself. One that was ended from outside is begun again with what its last run was begun with, and
   * answers `restarted`; `gone`: Temporal knows nothing of it any more.
   */
  tend(incident: string, part: number): Promise<'runs' | 'ended' | 'restarted' | 'gone'>;
}

/** What other parts of keybaton do at an incident's moments. Each is idempotent and stays within its activity's time. */
export interface IncidentHooks {
  /** Who may have read or used the compromised versions, one page at a time; answers where to go on, undefined at the end. */
  scope(
    page: { readonly incident: string; readonly after: VersionId | undefined },
    signal: AbortSignal,
  ): Promise<VersionId | undefined>;
  /** Writes the report from what is known now; the last one counts. */
  report(progress: IncidentProgress, signal: AbortSignal): Promise<void>;
}
