import type { CredentialId } from '../domain/identifiers.ts';
import type { Declaration, FrozenVersion, IncidentPart, IncidentProgress, KillFact } from '../domain/incident.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import type { Adapters } from '../inventory/adapters.ts';
import type { IncidentLedger, KillSheet, Ledger } from '../ledger/ledger.ts';

/** What emergencies need of the process they run in; implemented by `worker/`. None of it needs the ledger. */
export interface IncidentPorts {
  readonly incidents: Incidents;
  readonly direct: DirectKill;
  readonly known: KnownKeys;
}

/** What `emergency` and `incident` open: nothing of it is reached for before it is needed, and none of it is needed by all. */
export interface EmergencyPorts extends IncidentPorts {
  /**
   * Opens the ledger at the first call; the same one afterwards. Rejects as opening does, NOT_FOUND where the file of an
   * embedded ledger is missing (an empty one is never made here). May never answer: every caller brings its patience.
   */
  ledger(): Promise<Ledger & IncidentLedger>;
  readonly journals: IncidentJournals;
  readonly killSwitches: KillSwitches;
  /** What reading targets.yml needs to know. */
  readonly adapters: Adapters;
  now(): number;
  random(bytes: number): Uint8Array;
  close(): Promise<void>;
}

/** What ends many keys of a target at once, ours or not. Only a person pulls one, by its name. */
export interface KillSwitches {
  /** Those that the provider of this target has; none is an empty list. Asks nobody. NOT_FOUND for a target nobody knows. */
  of(target: string): Promise<readonly SwitchName[]>;
  /** What it would end now. Only reads. NOT_FOUND for a name that is not among them. */
  look(target: string, name: string): Promise<SwitchReach>;
  /** AMBIGUOUS when some of it may have happened: pull again. */
  pull(target: string, name: string): Promise<void>;
}

export interface SwitchName {
  readonly name: string;
  readonly kills: string;
  /** What a person does to take it back; `null`: nothing can. */
  readonly undo: string | null;
}

export interface SwitchReach extends SwitchName {
  readonly pulled: boolean;
  /** `version`: one of this installation. */
  readonly keys: readonly { readonly id: string; readonly hint: string | null; readonly version: string | null }[];
}

/** What direct kills left on this machine's disk. */
export interface IncidentJournals {
  /** Newest first. A journal that cannot be read is left out and told in `troubles`. */
  read(): Promise<{ readonly journals: readonly IncidentJournal[]; readonly troubles: readonly string[] }>;
}

export interface IncidentJournal {
  readonly declaration: Declaration;
  readonly versions: readonly FrozenVersion[];
  /** Oldest first. */
  readonly facts: readonly KillFact[];
  /** The ledger has all of it. */
  readonly imported: boolean;
}

/** People's way to a running incident. UNAVAILABLE, naming the address, when Temporal does not answer within 5 seconds. */
export interface Incidents {
  /** Starts `incident/<id>` and hands it every part of the frozen set; the same declaration again changes nothing; CONFLICT once it has ended. */
  declare(declaration: Declaration, parts: readonly IncidentPart[]): Promise<void>;
  /** Undefined when none of that name runs any more. */
  progress(incident: string): Promise<IncidentProgress | undefined>;
  /** Ends the rotation of this credential and starts it anew with the escalation: for one that is stuck. */
  takeOver(incident: string, credential: CredentialId): Promise<void>;
  /** Asks a running incident to close; what is not dead stays a debt of its rotation. */
  close(incident: string, who: string): Promise<void>;
}

/** The same containment and proof in this process, without Temporal: journalled to a synced file, imported later. */
export interface DirectKill {
  /**
   * Runs until every version is proved dead or `signal` aborts; answers what is left. `onFact` is told each fact after it
   * is on disk. The declaration is on disk before the first call to a provider.
   */
  run(input: {
    readonly declaration: Declaration;
    readonly versions: readonly FrozenVersion[];
    readonly onFact: (fact: KillFact) => void;
    readonly signal: AbortSignal;
  }): Promise<IncidentProgress>;
  /** Writes the declaration to the journal and nothing else: before Temporal is asked. */
  journal(declaration: Declaration, versions: readonly FrozenVersion[]): Promise<void>;
  /** Brings every journal that is not in the ledger yet into it; answers the incidents' names. */
  importJournals(): Promise<readonly string[]>;
}

/** What is known of keys without the ledger: the kill sheet on disk, and what the providers list. */
export interface KnownKeys {
  /** Undefined when there is none, or it cannot be read: `trouble` says why. */
  killSheet(): Promise<{ readonly sheet: KillSheet | undefined; readonly trouble: string | undefined }>;
  /** Every live key with our tag on every target of this targets file, as frozen versions without fingerprint or places. */
  listed(
    targets: unknown,
    installation: string | undefined,
  ): Promise<{
    readonly versions: readonly FrozenVersion[];
    readonly troubles: readonly string[];
  }>;
  /** The fingerprints this value would have, one per provider adapter. In memory; no effect. */
  fingerprints(value: SecretMaterial): Promise<readonly { readonly provider: string; readonly fingerprint: string }[]>;
  /** Adapters whose documented shape the value has. */
  providersByShape(value: SecretMaterial): readonly string[];
  /** Live keys whose provider-side hint (a masked end, a name) fits the value. */
  byHint(
    value: SecretMaterial,
    targets: unknown,
  ): Promise<{ readonly versions: readonly FrozenVersion[]; readonly troubles: readonly string[] }>;
  /** Current versions whose stored value is this one, read from the backends of the sheet's credentials. */
  byStoredValue(
    value: SecretMaterial,
    sheet: KillSheet,
  ): Promise<{ readonly versions: readonly FrozenVersion[]; readonly troubles: readonly string[] }>;
  /** Kills a value nobody knows, where its provider offers that. UNSUPPORTED otherwise. */
  revokeByValue(value: SecretMaterial): Promise<{ readonly provider: string }>;
  /** Text for killing this version with no keybaton at all. */
  byHand(version: FrozenVersion): Promise<readonly string[]>;
}
