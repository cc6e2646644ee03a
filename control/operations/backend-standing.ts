import type { BackendStanding, CredentialFacts } from '../../domain/facts.ts';
import { missingEvidence } from '../../domain/gate.ts';
import type { ControlPorts } from '../ports.ts';
import type { LedgerPorts } from './ports.ts';

/** Without `checks` every backend is taken for one that can be read. */
export type StandingPorts = LedgerPorts & Partial<Pick<ControlPorts, 'checks'>>;

/** How one backend stands against the newest epoch, as the ledger knows it: nobody is asked. */
export interface BackendView {
  readonly backend: string;
  readonly path: string;
  /**
   * `unknown`: a promotion was sent and no answer is recorded, or the backend can only be written to and no evidence of
   * the newest epoch is complete yet. `foreign`: somebody else's value was last seen there.
   */
  readonly standing: BackendStanding;
}

export type StandingOf = (facts: CredentialFacts, alarms: readonly Keyed[]) => Promise<readonly BackendView[]>;

type Keyed = { readonly key: string; readonly credential?: string | undefined };

/** Asks once which backends can only be written to, for any number of credentials. In the order of promotion. */
export async function backendStandings({ ledger, checks }: StandingPorts): Promise<StandingOf> {
  const writeOnly: ReadonlySet<string> = (await checks?.writeOnly?.()) ?? new Set();
  return async (facts, alarms) => {
    const own = alarms.filter(({ credential }) => credential === undefined || credential === facts.id);
    const views = facts.entry.backends.map(({ backend, path }) => ({
      backend,
      path,
      standing: standingIn(facts, backend, path, own),
    }));
    const believed = views.some(({ backend, standing }) => writeOnly.has(backend) && standing === 'in-sync');
    if (!believed || facts.epochs.length === 0) return views;
    if (missingEvidence(await ledger.evidence(facts.id), facts.now).length === 0) return views;
    return views.map((one) =>
      writeOnly.has(one.backend) && one.standing === 'in-sync' ? { ...one, standing: 'unknown' } : one,
    );
  };
}

/** What was recorded last of one place: its promotion under the newest epoch, and what sweeps have seen since. */
function standingIn(
  { epochs, versions }: CredentialFacts,
  backend: string,
  path: string,
  alarms: readonly Keyed[],
): BackendStanding {
  const newest = epochs[0];
  if (alarms.some(({ key }) => key === `foreign/${backend}`)) return 'foreign';
  if (newest === undefined) return 'in-sync';
  if (alarms.some(({ key }) => key === `drift/${backend}`)) return 'behind';
  const version = versions.find(({ id }) => id === newest.version);
  const shown = version?.copies.some(
    (copy) => copy.backend === backend && copy.path === path && copy.as === 'main' && copy.epoch === newest.epoch,
  );
  if (shown === true) return 'in-sync';
  const sent = version?.intents.some(
    ({ effect, place, outcome }) => effect === 'promote' && place === backend && outcome === undefined,
  );
  return sent === true ? 'unknown' : 'behind';
}
