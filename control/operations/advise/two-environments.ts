import { credentialParts } from '../../../domain/identifiers.ts';
import type { Observed } from './advice.ts';
import { listed } from './world.ts';
import type { AdviceRule, KnownTarget } from './world.ts';

/** One project, account or server of a provider, or one target, that serves two environments. Cured by a place for each. */
export const placeInTwoEnvironments: AdviceRule = ({ targets }) => [
  ...targets.flatMap(({ name, target, credentials }): readonly Observed[] => {
    const strangers = credentials.filter((id) => credentialParts(id).environment !== target.environment);
    if (strangers.length === 0) return [];
    return [
      {
        subject: `target ${name}`,
        credentials,
        fact: `it is of ${target.environment} (targets.yml), and ${listed(strangers)} ${strangers.length === 1 ? 'names' : 'name'} it (inventory)`,
        fix: `make a target for ${listed([...new Set(strangers.map((id) => credentialParts(id).environment))])} in targets.yml, name it in ${listed(strangers)}, and keybaton apply`,
      },
    ];
  }),
  ...shared(targets, ({ target, advice }) =>
    advice.place === undefined ? [] : [`${target.provider} ${advice.place}`],
  ).map(([place, same]) => ({
    ...said(same),
    fact: `${sides(same)} are one place: ${place} (targets.yml)`,
    fix: `make a place of its own for each environment at ${same[0]?.target.provider}, name it under settings of ${listed(same.slice(1).map(({ name }) => name))} in targets.yml, keybaton apply, and ${rotations(same.slice(1))}`,
  })),
];

/** One admin credential, by its reference, that serves two environments. Cured by one for each. */
export const adminInTwoEnvironments: AdviceRule = ({ targets }) =>
  shared(targets, ({ target: { admin, secondAdmin } }) => [
    ...new Set([admin, ...(secondAdmin === undefined ? [] : [secondAdmin])]),
  ]).map(([reference, same]) => ({
    ...said(same),
    fact: `${sides(same)} use one admin credential: ${reference} (targets.yml)`,
    fix: `make an admin credential for each environment at the provider, with no rights in the other, and name it as admin of ${listed(same.slice(1).map(({ name }) => name))} in targets.yml; then keybaton apply and keybaton doctor`,
  }));

/** What several targets of different environments have in common. */
function shared(
  targets: readonly KnownTarget[],
  of: (target: KnownTarget) => readonly string[],
): readonly (readonly [string, readonly KnownTarget[]])[] {
  const holders = new Map<string, KnownTarget[]>();
  for (const target of targets) for (const one of of(target)) holders.set(one, [...(holders.get(one) ?? []), target]);
  return [...holders].filter(([, same]) => new Set(same.map(({ target }) => target.environment)).size > 1);
}

const said = (same: readonly KnownTarget[]): Pick<Observed, 'subject' | 'credentials'> => ({
  subject: `targets ${same.map(({ name }) => name).join(' and ')}`,
  credentials: same.flatMap(({ credentials }) => credentials),
});

const sides = (same: readonly KnownTarget[]): string =>
  listed(same.map(({ name, target }) => `${name} (${target.environment})`));

function rotations(targets: readonly KnownTarget[]): string {
  const ids = targets.flatMap(({ credentials }) => credentials);
  return ids.length === 0 ? 'import or rotate what names it' : ids.map((id) => `keybaton rotate ${id}`).join('; ');
}
