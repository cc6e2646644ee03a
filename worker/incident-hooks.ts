import { scopedVersion, scopeVersions, type ScopedVersion, type ScopePorts } from '../activities/incident-scope.ts';
import type { IncidentHooks } from '../activities/incident/ports.ts';
import { findingsPlace, writeIncidentReport } from '../control/operations/incident-report.ts';
import { codeOf } from '../domain/errors.ts';
import type { CredentialFacts } from '../domain/facts.ts';
import type { CredentialId } from '../domain/identifiers.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { openTrail } from './trails.ts';
import type { Bindings, Places } from './bindings.ts';

export interface IncidentHooksInput {
  readonly ledger: () => Promise<Ledger>;
  readonly places: Pick<Places, 'backend'>;
  readonly bindings: Pick<Bindings, 'provider'>;
  /** keybaton's own folder: the embedded vault's access log lies in it. */
  readonly home: string;
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
}

/** Keys looked up by one effect: each trail is read once for all of them. */
const page = 100;

/** What follows an incident: who read and used its keys, and the report. Both rest on the ledger. */
export function incidentHooks({ ledger, places, bindings, home, now, random }: IncidentHooksInput): IncidentHooks {
  const scopePorts = (kept: Ledger): ScopePorts => ({
    provider: (target) => bindings.provider(target),
    trail: async (backend) => openTrail(await places.backend(backend), home),
    watched: (version) => kept.watched(version),
    now,
    random,
  });
  return {
    async scope({ incident, after }, signal) {
      const kept = await ledger();
      const keys = await kept.incidentKeys({ incident, limit: page, ...(after === undefined ? {} : { after }) });
      const { declaredAt } = await kept.incident(incident);
      const known = new Map<CredentialId, CredentialFacts | undefined>();
      const versions: ScopedVersion[] = [];
      for (const { credential, version } of keys) {
        if (!known.has(credential)) known.set(credential, await factsOf(kept, credential));
        const facts = known.get(credential);
        const scoped = facts && scopedVersion(facts, version, declaredAt);
        if (scoped !== undefined) versions.push(scoped);
      }
      const findings = await scopeVersions(scopePorts(kept), { versions }, signal);
      for (const [version, own] of Map.groupBy(findings, (one) => one.version))
        await kept.remember(findingsPlace(incident, version), JSON.stringify(own));
      return keys.length < page ? undefined : keys.at(-1)?.version;
    },

    async report(progress) {
      await writeIncidentReport({ ledger: await ledger(), now }, { incident: progress.incident, progress });
    },
  };
}

async function factsOf(ledger: Ledger, credential: CredentialId): Promise<CredentialFacts | undefined> {
  try {
    return await ledger.facts(credential);
  } catch (thrown) {
    // Then nothing of it was ever stored by us; the report counts it among those not looked up.
    if (codeOf(thrown) === 'NOT_FOUND') return undefined;
    throw thrown;
  }
}
