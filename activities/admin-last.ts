import { adminTurn } from '../domain/admin-turn.ts';
import { worksWithIt } from '../domain/entry.ts';
import { codeOf } from '../domain/errors.ts';
import type { CredentialFacts } from '../domain/facts.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { KeptKey } from '../domain/reconcile.ts';
import { targetsOpenedBy } from './opened-targets.ts';
import { placesOf, type ActivityPorts } from './ports.ts';
import { leakOwed, standings } from './world.ts';

/**
 * An admin credential is replaced last: what goes on at the targets that it opens, or undefined: nothing, or its turn has
 * come whatever does. Asked before its run begins, so that nobody waits for one that waits.
 */
export async function goesFirst(
  ports: ActivityPorts,
  {
    credential,
    compromised,
    rehearse,
  }: { readonly credential: CredentialId; readonly compromised: readonly VersionId[]; readonly rehearse: boolean },
  signal: AbortSignal,
): Promise<string | undefined> {
  // Asked first, for it costs nothing: most credentials open no target.
  if (rehearse || (await ports.opensTargets?.(credential)) !== true) return undefined;
  const facts = await ports.ledger.facts(credential).catch((thrown: unknown) => {
    // What the inventory does not have is told by the start of the run, in its own words.
    if (codeOf(thrown) === 'NOT_FOUND') return undefined;
    throw thrown;
  });
  if (facts === undefined || !worksWithIt(facts.entry) || leakOwed(facts, compromised)) return undefined;
  const turn = adminTurn(facts);
  if (turn === undefined || turn <= facts.now) return undefined;
  const first = await busyTarget(ports, credential);
  if (first === undefined || (await driftsApart(ports, facts, signal))) return undefined;
  return `an admin credential is replaced last, and in ${Math.ceil((turn - facts.now) / 60_000)} min in any case: ${first}`;
}

async function busyTarget(
  { ledger }: Pick<ActivityPorts, 'ledger'>,
  credential: CredentialId,
): Promise<string | undefined> {
  const declared = await ledger.incidentTargets();
  for (const target of await targetsOpenedBy(ledger, credential)) {
    if (declared.includes(target)) return `an incident is open at ${target}`;
    const first = (await ledger.keysOfTarget(target)).find(
      (one) => one.credential !== credential && (one.running || one.fate === 'doomed' || leakedAlive(one)),
    );
    if (first === undefined) continue;
    const what = first.running ? 'is rotating' : 'has a version that is not dead';
    return `${first.credential} ${what} at ${target}`;
  }
  return undefined;
}

const leakedAlive = ({ compromised, fate }: KeptKey): boolean => compromised && fate !== 'dead' && fate !== 'released';

/** What its backends show is what every other call is made with: that is put right at once. */
async function driftsApart(ports: ActivityPorts, facts: CredentialFacts, signal: AbortSignal): Promise<boolean> {
  const places = await placesOf(ports, facts.entry);
  const found = await standings(ports, places, facts, signal);
  return [...found.values()].some((standing) => standing === 'behind' || standing === 'foreign');
}
