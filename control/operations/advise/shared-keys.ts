import type { VersionFacts } from '../../../domain/facts.ts';
import type { CredentialId } from '../../../domain/identifiers.ts';
import { consumersOf, currentOf, listed, managedOf } from './world.ts';
import type { AdviceRule, KnownTarget } from './world.ts';

/** One entry, several consumers. Cured when each has an entry of its own. */
export const sharedKey: AdviceRule = (world) =>
  managedOf(world).flatMap(({ facts, target }) => {
    const consumers = consumersOf(facts.entry);
    const others = consumers.slice(1).map(({ name }) => name);
    if (others.length === 0) return [];
    const names = consumers.map(({ name, kind, reader }) => `${name} (${reader ?? kind})`);
    const [provider, environment] = facts.id.split('/');
    const own = others.map((name) => `${provider}/${environment}/${name}`);
    return [
      {
        subject: facts.id,
        credentials: [facts.id],
        fact: `${consumers.length} consumers hold one key: ${listed(names)} (inventory)`,
        fix: `give ${listed(others)} ${others.length === 1 ? 'an entry of its own' : 'entries of their own'}, such as ${listed(own)}, ${whereOf(target, others.length)}; then leave ${consumers[0]?.name} alone under ${facts.id}, keybaton apply, and keybaton rotate ${facts.id}: ${others.length === 1 ? `${others[0]} still knows` : 'they still know'} its key`,
      },
    ];
  });

/** A pair of slots, and keys without our mark, belong to one credential: `apply` refuses a second. */
function whereOf(target: KnownTarget | undefined, entries: number): string {
  const traits = target?.traits;
  const belongsToOne =
    traits !== undefined && (!traits.tagged || traits.topology === 'dual-slot' || traits.topology === 'single-slot');
  return belongsToOne
    ? `${entries === 1 ? '' : 'each '}with a target of its own in targets.yml`
    : `at target ${target?.name ?? 'of theirs'}`;
}

interface Holder {
  readonly credential: CredentialId;
  readonly version: VersionFacts;
  readonly current: boolean;
}

/** One value, by its fingerprint, alive under two credentials and current in one of them. Cured when only one has it. */
export const oneValueTwice: AdviceRule = ({ credentials }) => {
  const holders = new Map<string, Holder[]>();
  for (const { facts } of credentials) {
    const current = currentOf(facts)?.version.id;
    for (const version of facts.versions.filter(({ fate }) => fate !== 'dead')) {
      if (version.fingerprint === undefined) continue;
      const same = holders.get(version.fingerprint) ?? [];
      holders.set(version.fingerprint, [...same, { credential: facts.id, version, current: version.id === current }]);
    }
  }
  return [...holders.values()].flatMap((same) => {
    const ids = [...new Set(same.map(({ credential }) => credential))];
    if (ids.length < 2 || !same.some(({ current }) => current)) return [];
    const said = same.map(
      ({ credential, version, current }) => `${current ? 'current' : version.fate} as ${version.id} in ${credential}`,
    );
    return [
      {
        subject: ids.join(' and '),
        credentials: ids,
        fact: `one value is ${listed(said)} (fingerprints in the ledger)`,
        fix: `say mode: ask in ${listed(ids)} and keybaton apply, so that nothing is revoked; ${ids.map((id) => `keybaton rotate ${id}`).join('; ')}; when all of them have proved their own, ${ids.map((id) => `keybaton release ${id} --ask --why "each has its own"`).join('; ')}`,
      },
    ];
  });
};
