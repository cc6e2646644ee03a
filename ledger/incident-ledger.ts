import type { KillFact, Moment } from '../domain/incident.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';

/** Incidents, as the ledger keeps them. Containment never waits for any of it. Every method is one transaction. */
export interface IncidentLedger {
  /**
   * Marks versions compromised. Unions with other incidents; reopens the due date that a compromised version honoured. The same
   * incident again may name further versions of the same declaration (another part of it, in any order, also at once or after it
   * closed); versions it has are no change. No version at all: a value that belongs to nothing known. NOT_FOUND, and nothing
   * written, when this ledger does not know one of them; CONFLICT when who, why, scope or drill differ from the first part.
   */
  declareIncident(input: DeclareIncident): Promise<void>;
  /**
   * What happened at the provider, written beside or after it, also from a journal: intents, outcomes, kill begun, dead.
   * Idempotent, in any order, also after the incident closed. `contained` also authorises and makes unknown refs known; a twin
   * seen alive after a death owes the version again, and no death proved before that ends it. `dead` is dated by the killer,
   * never later than now. `trouble` is an event alone. NOT_FOUND: no such incident; CONFLICT, and nothing written: a version that
   * it does not name.
   */
  killFacts(input: { readonly incident: string; readonly facts: readonly KillFact[] }): Promise<void>;
  /**
   * A moment of the clock was reached, or a report, a page, a take-over happened. Once per (incident, kind): a repeat is no
   * change, whatever its body. A number `at` in the body dates it; else the ledger does. NOT_FOUND; INVALID_CONFIG for a kind of
   * the ledger's own.
   */
  incidentEvent(input: {
    readonly incident: string;
    /** `moment.contained`, `paged.50`, `scoped`, `reported`, `taken-over`. */
    readonly kind: string;
    readonly actor: string;
    readonly body: Readonly<Record<string, unknown>>;
  }): Promise<void>;
  /** NOT_FOUND. */
  incident(incident: string): Promise<IncidentFacts>;
  /** Newest declaration first. `open: false`: only closed ones. */
  incidents(filter: { readonly open?: boolean; readonly limit: number }): Promise<readonly IncidentFacts[]>;
  /** One page of its keys, in id order of their versions. NOT_FOUND. */
  incidentKeys(page: {
    readonly incident: string;
    readonly after?: VersionId;
    readonly limit: number;
  }): Promise<readonly IncidentKey[]>;
  /** Again is no change. NOT_FOUND. */
  closeIncident(input: { readonly incident: string; readonly who: string; readonly why?: string }): Promise<void>;
  /** Is this version named by an incident that is open? */
  openIncidentsOf(version: VersionId): Promise<readonly string[]>;
  /** How far open incidents are at this target, each version counted once; undefined when none names a version of it. */
  killsAt(target: string): Promise<TargetKills | undefined>;
}

/** What open incidents name at one target. Times are epoch milliseconds. */
export interface TargetKills {
  readonly credentials: number;
  readonly keys: number;
  readonly contained: number;
  readonly dead: number;
  /** When this ledger heard that the latest of them leaked. */
  readonly heardAt: number;
  /** When the latest of them was contained or proved dead, by the killer's clock. */
  readonly lastAt: number | undefined;
}

export interface DeclareIncident {
  readonly incident: string;
  readonly versions: readonly VersionId[];
  readonly who: string;
  readonly why: string;
  /** When it was declared, by the declarer's clock; unsaid: the ledger's now. */
  readonly declaredAt?: number;
  readonly scope?: string;
  readonly drill?: boolean;
}

export interface IncidentFacts {
  readonly incident: string;
  readonly declaredAt: number;
  readonly who: string;
  readonly why: string;
  readonly scope: string;
  readonly drill: boolean;
  readonly closedAt: number | undefined;
  readonly closedBy: string | undefined;
  readonly keys: number;
  readonly contained: number;
  readonly dead: number;
  /** What `incidentEvent` wrote, oldest first. */
  readonly events: readonly {
    readonly kind: string;
    readonly at: number;
    readonly actor: string;
    readonly body: Readonly<Record<string, unknown>>;
  }[];
}

export interface IncidentKey {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly containedAt: number | undefined;
  readonly dead: { readonly at: number; readonly grade: 'refused' | 'absent' } | undefined;
}

export type { KillFact, Moment };
