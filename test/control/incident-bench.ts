import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { Declaration, FrozenVersion, IncidentPart, IncidentProgress, KillFact } from '../../domain/incident.ts';
import type { Adapters } from '../../inventory/adapters.ts';
import type { KillSheet, Ledger } from '../../ledger/ledger.ts';
import type { EmergencyPorts, IncidentJournal, SwitchReach } from '../../control/incident-ports.ts';

/** Stands where workers, providers and the disk stand in an emergency; a test takes down what it likes. */
export interface IncidentBench {
  readonly ports: EmergencyPorts;
  /** In the order in which it happened: `journal`, `temporal`, `direct`, `ledger`. */
  readonly order: string[];
  readonly declared: { readonly declaration: Declaration; readonly parts: readonly IncidentPart[] }[];
  readonly killed: { readonly declaration: Declaration; readonly versions: readonly FrozenVersion[] }[];
  readonly asked: string[];
  /** What the workflow of each incident answers. */
  readonly progress: Map<string, IncidentProgress>;
  journals: IncidentJournal[];
  /** Set: opening the ledger fails with it. `hangs`: it never answers. */
  ledgerDown: KeybatonError | 'hangs' | undefined;
  temporalDown: KeybatonError | 'hangs' | undefined;
  /** Set: Temporal takes everything, and nobody answers for it. */
  noWorker: KeybatonError | undefined;
  diskDown: KeybatonError | undefined;
  sheet: KillSheet | undefined;
  /** Set: there is no installation key. */
  keyMissing: KeybatonError | undefined;
  /** By value: the fingerprints it has. */
  readonly prints: Map<string, readonly { readonly provider: string; readonly fingerprint: string }[]>;
  readonly shapes: Map<string, readonly string[]>;
  readonly hints: Map<string, readonly FrozenVersion[]>;
  readonly stored: Map<string, readonly FrozenVersion[]>;
  readonly byValue: Map<string, string>;
  readonly switches: Map<string, SwitchReach>;
  listed: readonly FrozenVersion[];
  /** Keys that a direct kill does not get dead. */
  readonly stubborn: Set<string>;
}

export function openIncidentBench(ledger: () => Ledger, adapters: Adapters): IncidentBench {
  const never = new Promise<never>(() => undefined);
  const bench: IncidentBench = {
    order: [],
    declared: [],
    killed: [],
    asked: [],
    progress: new Map(),
    journals: [],
    ledgerDown: undefined,
    temporalDown: undefined,
    noWorker: undefined,
    diskDown: undefined,
    sheet: undefined,
    keyMissing: undefined,
    prints: new Map(),
    shapes: new Map(),
    hints: new Map(),
    stored: new Map(),
    byValue: new Map(),
    switches: new Map(),
    listed: [],
    stubborn: new Set(),
    ports: {
      async ledger() {
        if (bench.ledgerDown === 'hangs') return never;
        if (bench.ledgerDown !== undefined) throw bench.ledgerDown;
        const real = ledger();
        return {
          ...real,
          declareIncident: async (input) => {
            bench.order.push('ledger');
            await real.declareIncident(input);
          },
        };
      },
      incidents: {
        async declare(declaration, parts) {
          bench.order.push('temporal');
          await temporal();
          bench.declared.push({ declaration, parts });
          const versions = parts.flatMap((part) => part.versions);
          if (!bench.progress.has(declaration.incident))
            bench.progress.set(declaration.incident, progressOf(declaration, versions, versions.length));
        },
        async progress(incident) {
          await temporal();
          if (bench.noWorker !== undefined) throw bench.noWorker;
          return bench.progress.get(incident);
        },
        async takeOver(incident, credential: CredentialId) {
          await temporal();
          bench.asked.push(`take-over ${incident} ${credential}`);
        },
        async close(incident, who) {
          await temporal();
          bench.asked.push(`close ${incident} ${who}`);
        },
      },
      direct: {
        async run({ declaration, versions, onFact, signal }) {
          bench.order.push('direct');
          bench.killed.push({ declaration, versions });
          let dead = 0;
          for (const { credential, version } of versions) {
            if (bench.stubborn.has(version) || signal.aborted) continue;
            const at = declaration.declaredAt + 10;
            const facts: KillFact[] = [
              { kind: 'contained', credential, version, at, refs: [] },
              { kind: 'dead', credential, version, at: at + 10, grade: 'refused' },
            ];
            facts.forEach(onFact);
            dead += 1;
          }
          return progressOf(declaration, versions, dead, bench.stubborn);
        },
        async journal(declaration, versions) {
          bench.order.push('journal');
          if (bench.diskDown !== undefined) throw bench.diskDown;
          bench.journals.unshift({ declaration, versions, facts: [], imported: false });
        },
        async importJournals() {
          if (bench.ledgerDown === 'hangs') return never;
          if (bench.ledgerDown !== undefined) throw bench.ledgerDown;
          const fresh = bench.journals.filter(({ imported }) => !imported);
          bench.journals = bench.journals.map((one) => ({ ...one, imported: true }));
          return fresh.map(({ declaration }) => declaration.incident);
        },
      },
      killSwitches: {
        of: async () => [...bench.switches.values()],
        async look(target, name) {
          const found = bench.switches.get(name);
          if (found === undefined) throw new KeybatonError('NOT_FOUND', `${target} has none of that name`);
          return found;
        },
        async pull(target, name) {
          bench.asked.push(`pull ${target} ${name}`);
        },
      },
      journals: { read: async () => ({ journals: bench.journals, troubles: [] }) },
      known: {
        killSheet: async () => ({
          sheet: bench.sheet,
          trouble: bench.sheet === undefined ? 'there is none' : undefined,
        }),
        listed: async () => ({ versions: bench.listed, troubles: [] }),
        async fingerprints(value) {
          if (bench.keyMissing !== undefined) throw bench.keyMissing;
          return bench.prints.get(value.revealValue()) ?? [];
        },
        providersByShape: (value) => bench.shapes.get(value.revealValue()) ?? [],
        byHint: async (value) => ({ versions: bench.hints.get(value.revealValue()) ?? [], troubles: [] }),
        byStoredValue: async (value) => ({ versions: bench.stored.get(value.revealValue()) ?? [], troubles: [] }),
        async revokeByValue(value) {
          const provider = bench.byValue.get(value.revealValue());
          if (provider === undefined) throw new KeybatonError('UNSUPPORTED', 'nobody kills by value');
          return { provider };
        },
        byHand: async ({ version, refs }) => [`console of ${version}`, `curl -X DELETE ${refs[0]?.id ?? 'unknown'}`],
      },
      adapters,
      now: () => Date.now(),
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      close: async () => undefined,
    },
  };
  async function temporal(): Promise<void> {
    if (bench.temporalDown === 'hangs') return never;
    if (bench.temporalDown !== undefined) throw bench.temporalDown;
  }
  return bench;
}

export function progressOf(
  declaration: Pick<Declaration, 'incident' | 'declaredAt' | 'scope' | 'drill'>,
  versions: readonly FrozenVersion[],
  dead: number,
  stubborn: ReadonlySet<string> = new Set(),
): IncidentProgress {
  const { incident, declaredAt, scope, drill } = declaration;
  return {
    incident,
    declaredAt,
    scope,
    drill,
    keys: versions.length,
    contained: dead,
    dead,
    replaced: 0,
    confirmed: 0,
    reached:
      dead === versions.length ? { declared: declaredAt, contained: declaredAt + 10, dead: declaredAt + 20 } : {},
    open: versions
      .filter(({ version }) => stubborn.has(version))
      .map(({ credential, version }) => ({
        credential,
        version,
        state: 'not contained',
        why: 'the provider does not answer',
        again: undefined,
        person: false,
      })),
    more: 0,
    closed: false,
  };
}
