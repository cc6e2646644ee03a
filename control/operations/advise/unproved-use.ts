import { formatDuration } from '../../../domain/duration.ts';
import { consumersOf, listed, managedOf, several } from './world.ts';
import type { AdviceRule } from './world.ts';

const whatWeakShows = {
  acknowledged: 'that somebody says so',
  'observed-read': 'that it read the new version, not that it uses it',
} as const;

/** A consumer that need not show that it uses the version. Cured by a stronger demand. */
export const weakProof: AdviceRule = (world) =>
  managedOf(world).flatMap(({ facts: { id, entry } }) =>
    consumersOf(entry).flatMap(({ name, demand }) =>
      demand !== 'acknowledged' && demand !== 'observed-read'
        ? []
        : [
            {
              subject: id,
              credentials: [id],
              fact: `${name} must show ${demand} alone (inventory): ${whatWeakShows[demand]}`,
              fix: `let ${name} prove (docs/consumers.md; keybaton exec for a program that cannot be changed), say demand: possession for it in ${id}, and keybaton apply`,
            },
          ],
    ),
  );

/** An entry without anybody who proves. Cured by naming its consumers. */
export const nobodyProves: AdviceRule = (world) =>
  managedOf(world).flatMap(({ facts: { id, entry } }) => {
    if (consumersOf(entry).length > 0) return [];
    const fact =
      'none' in entry.consumers
        ? `the entry says that there are no consumers: ${JSON.stringify(entry.consumers.none)} (inventory)`
        : 'the list of consumers is empty (inventory), so every revocation is held';
    return [
      {
        subject: id,
        credentials: [id],
        fact,
        fix: `list who uses it under consumers of ${id} and keybaton apply; if truly nobody does, take the entry out and keybaton release ${id} --retire --why "nobody uses it"`,
      },
    ];
  });

/** The provider tells when a key was last used, and the entry does not ask. Cured by asking. */
export const silenceNotAsked: AdviceRule = (world) =>
  managedOf(world).flatMap(({ facts: { id, entry }, target }) => {
    const usage = target?.traits?.usage;
    if (!('no' in entry.silence) || usage === undefined) return [];
    return [
      {
        subject: id,
        credentials: [id],
        fact: `silence of the old key is not asked for: ${JSON.stringify(entry.silence.no)} (inventory), and ${target?.target.provider} shows its last use by ${usage.kind}, at most ${formatDuration(usage.lag)} late`,
        fix: `say silence: 6h in ${id}, or another time of at least ${formatDuration(usage.lag)}, and keybaton apply`,
      },
    ];
  });

/** A consumer that gave no proof in several rotations. Cured by its first proof, or when it is no consumer any more. */
export const neverProved: AdviceRule = (world) =>
  managedOf(world).flatMap(({ facts: { id, entry }, unproved }) =>
    consumersOf(entry).flatMap(({ name, demand }) => {
      const epochs = unproved.get(name) ?? [];
      if (epochs.length < several) return [];
      return [
        {
          subject: id,
          credentials: [id],
          fact: `${name} owed ${demand} in ${epochs.length} rotations and never proved: epochs ${listed(epochs.toReversed().map(String))} (ledger)`,
          fix: `let ${name} prove (docs/consumers.md; keybaton exec for a program that cannot be changed; keybaton token make ${id} ${name} for its token), or take it out of ${id} if it uses the key no more, and keybaton apply`,
        },
      ];
    }),
  );
