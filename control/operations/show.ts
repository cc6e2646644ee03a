import type { Entry } from '../../domain/entry.ts';
import type { CredentialFacts, EvidenceFacts, Ref, VersionFacts } from '../../domain/facts.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import { labelOf, stateOf } from '../../domain/lifecycle.ts';
import type { Fate, Label, State } from '../../domain/lifecycle.ts';
import { openIncidents } from './incidents-of.ts';
import { backendStandings, type BackendView, type StandingPorts } from './backend-standing.ts';
import { summaryOf } from './summary.ts';
import type { CredentialSummary } from './summary.ts';

/** Everything the ledger knows of one credential. Plain JSON; no secret. */
export interface ShowView {
  readonly now: number;
  readonly summary: CredentialSummary;
  readonly entry: Entry;
  /** Newest first. */
  readonly epochs: CredentialFacts['epochs'];
  /** In the order of promotion, against the newest epoch, as the ledger knows them: nobody is asked. */
  readonly backends: readonly BackendView[];
  /** Newest first. */
  readonly versions: readonly VersionView[];
  readonly consumers: readonly ConsumerView[];
  /** Open ones that name a version of it. */
  readonly incidents: readonly string[];
}

export interface VersionView {
  readonly id: VersionId;
  readonly state: State;
  readonly label: Label | null;
  readonly fate: Fate;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly refs: readonly { readonly ref: Ref; readonly gone: boolean }[];
  readonly copies: readonly {
    readonly backend: string;
    readonly path: string;
    readonly as: 'staged' | 'main';
    readonly gone: boolean;
  }[];
  readonly dead: { readonly at: number; readonly grade: 'refused' | 'absent' } | null;
  readonly onlyByHand: boolean;
}

export interface ConsumerView {
  readonly consumer: string;
  readonly demand: string;
  readonly instances: readonly {
    readonly instance: string;
    readonly seenAt: number;
    readonly leaseUntil: number;
    readonly left: boolean;
    /** The strongest evidence of the newest epoch that stands; `null` without. */
    readonly proved: string | null;
  }[];
  /** Said for the consumer as a whole. */
  readonly proved: string | null;
  readonly waivedBy: string | null;
}

/** NOT_FOUND when the ledger has never heard of it. */
export async function show(ports: StandingPorts, input: { readonly credential: CredentialId }): Promise<ShowView> {
  const { ledger } = ports;
  const facts = await ledger.facts(input.credential);
  const evidence = facts.epochs.length === 0 ? undefined : await ledger.evidence(input.credential);
  const alarms = await ledger.openAlarms(input.credential);
  const versions = facts.versions.toReversed();
  const newestFormer = versions.find((version) => version.everCurrent && version.fate === 'doomed')?.id;
  return {
    now: facts.now,
    summary: summaryOf(facts, alarms),
    entry: facts.entry,
    epochs: facts.epochs,
    backends: await (await backendStandings(ports))(facts, alarms),
    versions: versions.map((version) => versionView(version, version.id === newestFormer)),
    consumers: evidence === undefined ? [] : consumersOf(evidence),
    incidents: await openIncidents({ ledger }, facts),
  };
}

function versionView(version: VersionFacts, newestFormer: boolean): VersionView {
  const erased = version.copies.every(({ gone }) => gone);
  return {
    id: version.id,
    state: stateOf({ ...version, erased }),
    label: labelOf({ ...version, newestFormer }) ?? null,
    fate: version.fate,
    createdAt: version.createdAt,
    expiresAt: version.expiresAt ?? null,
    refs: version.refs,
    copies: version.copies.map(({ backend, path, as, gone }) => ({ backend, path, as, gone })),
    dead: version.dead ?? null,
    onlyByHand: version.onlyByHand,
  };
}

function consumersOf(facts: EvidenceFacts): readonly ConsumerView[] {
  const proved = (consumer: string, instance: string | undefined): string | null =>
    facts.evidence.findLast((one) => one.consumer === consumer && one.instance === instance && !one.withdrawn)?.kind ??
    null;
  return facts.demands.map(({ consumer, demand }) => ({
    consumer,
    demand,
    instances: facts.instances
      .filter((one) => one.consumer === consumer)
      .map(({ instance, seenAt, leaseUntil, left }) => ({
        instance,
        seenAt,
        leaseUntil,
        left,
        proved: proved(consumer, instance),
      })),
    proved: proved(consumer, undefined),
    waivedBy: facts.waivers.find((one) => one.consumer === consumer && one.instance === undefined)?.who ?? null,
  }));
}
