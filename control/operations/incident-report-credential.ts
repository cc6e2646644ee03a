import { codeOf } from '../../domain/errors.ts';
import type { CredentialFacts, EvidenceFacts } from '../../domain/facts.ts';
import { describeMissing, missingEvidence } from '../../domain/gate.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { ReportConsumer, ReportCredential, ReportKey } from '../../domain/incident-report.ts';
import type { IncidentKey, Ledger } from '../../ledger/ledger.ts';

export interface ReportedCredential {
  readonly credential: ReportCredential;
  readonly keys: readonly ReportKey[];
}

/** One credential and its keys as the ledger has them now; one it does not know is told by its keys alone. */
export async function reportedCredential(
  ledger: Pick<Ledger, 'facts' | 'evidence' | 'openAlarms'>,
  credential: CredentialId,
  keys: readonly IncidentKey[],
): Promise<ReportedCredential> {
  const facts = await known(() => ledger.facts(credential));
  if (facts === undefined) {
    return {
      credential: {
        ...{ credential, team: undefined, replacedBy: undefined, consumers: [] },
        missing: ['the ledger does not know it'],
      },
      keys: keys.map((key) => ({ ...key, keyIds: [], madeAt: undefined, onlyByHand: false })),
    };
  }
  const compromised = new Set(keys.map(({ version }) => version));
  const current = facts.versions.find((one) => one.id === facts.epochs[0]?.version);
  const sound = current !== undefined && !current.compromised && !current.refused && !compromised.has(current.id);
  const behind = sound ? backendsBehind(facts, current.id) : [];
  const replaced = sound && behind.length === 0;
  const evidence = replaced ? await ledger.evidence(credential) : undefined;
  return {
    credential: {
      credential,
      team: facts.entry.team,
      replacedBy: replaced ? current.id : undefined,
      consumers: evidence === undefined ? [] : consumersOf(evidence),
      missing:
        evidence === undefined
          ? await whyNot(ledger, facts, behind)
          : missingEvidence(evidence, facts.now).map(describeMissing),
    },
    keys: keys.map((key) => {
      const version = facts.versions.find(({ id }) => id === key.version);
      return {
        ...key,
        keyIds: (version?.refs ?? []).map(({ ref }) => ref.id),
        madeAt: version?.createdAt,
        onlyByHand: version?.onlyByHand ?? false,
      };
    }),
  };
}

async function known<Value>(read: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await read();
  } catch (thrown) {
    if (codeOf(thrown) === 'NOT_FOUND') return undefined;
    throw thrown;
  }
}

/** In every backend of the entry, under its newest epoch. */
function backendsBehind(facts: CredentialFacts, version: string): readonly string[] {
  const epoch = facts.epochs[0]?.epoch;
  const copies = facts.versions.find(({ id }) => id === version)?.copies ?? [];
  return facts.entry.backends
    .map(({ backend }) => backend)
    .filter(
      (backend) =>
        !copies.some((copy) => copy.backend === backend && copy.as === 'main' && copy.epoch === epoch && !copy.gone),
    );
}

async function whyNot(
  ledger: Pick<Ledger, 'openAlarms'>,
  facts: CredentialFacts,
  behind: readonly string[],
): Promise<readonly string[]> {
  if (facts.status !== 'managed') return [`its entry is ${facts.status}: nothing new is made for it`];
  if (behind.length > 0) return behind.map((backend) => `backend ${backend} is behind`);
  const alarms = (await ledger.openAlarms(facts.id)).map(({ text }) => text);
  if (alarms.length > 0) return alarms;
  return [facts.openRun === undefined ? 'its rotation has not begun' : 'its rotation has no replacement yet'];
}

function consumersOf({ demands, evidence }: EvidenceFacts): readonly ReportConsumer[] {
  return demands.map(({ consumer, demand }) => {
    const shown = evidence.filter((one) => one.consumer === consumer && !one.withdrawn);
    // The kind that was asked for says most; else the latest of what there is.
    const best = shown.filter(({ kind }) => kind === demand);
    const told = best.length > 0 ? best : shown;
    const last = told.toSorted((one, other) => one.at - other.at).at(-1);
    const instances = new Set(told.flatMap(({ instance }) => instance ?? [])).size;
    return { consumer, demand, shown: last && { kind: last.kind, at: last.at, instances } };
  });
}
