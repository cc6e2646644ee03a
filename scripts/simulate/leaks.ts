import { rotationWorkflowId } from '../../domain/identifiers.ts';
import type { Chance } from './chance.ts';
import { killDirectly } from './direct.ts';
import { declare } from './incidents.ts';
import type { Leak } from './mischief.ts';
import type { Oracle } from './oracle.ts';
import { minute } from './scenario.ts';
import { credential } from './entries.ts';
import type { SimulatedWorld } from './world.ts';

/** Versions leak, and somebody says so. False: there was nothing to leak, or nobody to tell. */
export async function leak(
  world: SimulatedWorld,
  oracle: Oracle,
  chance: Chance,
  { which, by, incident }: Leak & { readonly incident: string },
): Promise<boolean> {
  const { agenda, down, ledger, pace, temporal } = world;
  // Without the ledger it is declared from the kill sheet, which has what the ledger had.
  if (agenda.now() < down.ledger && by === 'rotation') return false;
  const { versions, epochs } = await ledger.facts(credential);
  const alive = versions.filter(({ fate }) => fate !== 'dead');
  const named =
    which === 'all'
      ? alive
      : which === 'newest'
        ? alive.slice(-1)
        : alive.filter(({ id }) => id === epochs[0]?.version);
  if (named.length === 0) return false;
  const ids = named.map(({ id }) => id);
  oracle.leaked(ids);
  if (by === 'direct') {
    const importedAfter = chance.pick([1_000, minute, 10 * minute]);
    await killDirectly(
      world,
      incident,
      ids,
      importedAfter,
      () => oracle.known(ids),
      (facts) => oracle.atLedger('killFacts', [{ facts }]),
    );
    return true;
  }
  oracle.known(ids);
  if (by === 'incident') {
    await declare(world, incident, ids);
    return true;
  }
  await ledger.declareIncident({ incident, versions: ids, who: 'operator', why: 'mischief' });
  const id = rotationWorkflowId(credential);
  temporal.start('rotateCredential', id, [
    { credential, reason: `incident ${incident}`, actor: 'incident', rehearse: false, pace },
  ]);
  temporal.signal(id, 'escalate', [{ incident, compromised: ids }]);
  return true;
}
