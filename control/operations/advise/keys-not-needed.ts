import { consumersOf, currentOf, dayOf, listed, managedOf } from './world.ts';
import type { AdviceRule } from './world.ts';

/** A stored key, where the vendor lets a workload sign in with an identity that it has. Cured when the entry is gone. */
export const noKeyNeeded: AdviceRule = (world) =>
  managedOf(world).flatMap(({ facts, target }) => {
    const keyless = target?.advice.keyless;
    if (target === undefined || keyless === undefined) return [];
    const consumers = consumersOf(facts.entry);
    const identities = consumers.flatMap(({ name, reader }) => (reader === undefined ? [] : [`${name} is ${reader}`]));
    const current = currentOf(facts);
    const key =
      current === undefined
        ? 'no key was made yet (ledger)'
        : `version ${current.version.id} is current since ${dayOf(current.epoch.decidedAt)} (ledger: epoch ${current.epoch.epoch})`;
    const known = identities.length === 0 ? '' : `; ${listed(identities)} already (inventory)`;
    return [
      {
        subject: facts.id,
        credentials: [facts.id],
        fact: `target ${target.name} makes stored keys of ${target.target.provider} (targets.yml), and ${key}${known}`,
        fix: `let ${consumers.length === 0 ? 'its users' : listed(consumers.map(({ name }) => name))} use ${keyless.by}: ${keyless.page}; then take ${facts.id} out of the inventory, keybaton apply, and keybaton release ${facts.id} --retire --why "nobody needs a key here"`,
      },
    ];
  });
