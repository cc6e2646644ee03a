import { formatDuration } from '../../../domain/duration.ts';
import { leastExpiry } from '../../../domain/expiry.ts';
import type { Slack } from '../../../domain/key-advice.ts';
import type { Observed } from './advice.ts';
import { currentOf, dayOf, managedOf } from './world.ts';
import type { AdviceRule, AdviceWorld, KnownTarget } from './world.ts';

/** The provider ends a key by itself if it is asked to, and this one was not. Cured by the next version. */
export const noEnd: AdviceRule = (world) =>
  managedOf(world).flatMap(({ facts, target }) => {
    const current = currentOf(facts);
    if (target?.traits === undefined || current === undefined || current.version.expiresAt !== undefined) return [];
    const byHand = target.traits.expiry ? undefined : target.advice.endByHand;
    if (!target.traits.expiry && byHand === undefined) return [];
    const came = current.epoch.why === 'imported' ? 'it was imported' : `epoch ${current.epoch.epoch}`;
    return [
      {
        subject: facts.id,
        credentials: [facts.id],
        fact: `version ${current.version.id}, known since ${dayOf(current.version.createdAt)}, has no end (ledger: ${came}), and ${target.target.provider} can give it one`,
        fix:
          byHand === undefined
            ? `keybaton rotate ${facts.id}: the next version ends by itself, ${formatDuration(leastExpiry(facts.entry))} after it was made or at the provider's most`
            : `keybaton rotate ${facts.id}, and ${byHand}: at least ${formatDuration(leastExpiry(facts.entry))} away, two intervals and the longest hold`,
      },
    ];
  });

/** Limits of money, rate or place that the settings leave open. Cured in targets.yml. */
export const noLimit: AdviceRule = (world) => loose(world, ({ advice }) => advice.unlimited);

/** Settings that let a key do more than the least that the provider can be asked for. Cured in targets.yml. */
export const wideScope: AdviceRule = (world) => loose(world, ({ advice }) => advice.wide);

function loose(
  { targets }: AdviceWorld,
  which: (target: KnownTarget) => readonly Slack[] | undefined,
): readonly Observed[] {
  return targets.flatMap((target) => {
    const { name, credentials } = target;
    // A target that no credential names makes no key.
    if (credentials.length === 0) return [];
    const rotate = credentials.map((id) => `keybaton rotate ${id}`).join('; ');
    return (which(target) ?? []).map(({ fact, fix }) => ({
      subject: `target ${name}`,
      credentials,
      fact: `${fact} (targets.yml)`,
      fix: `${fix} under settings of ${name} in targets.yml, keybaton apply, and since keys of before stay as they are: ${rotate}`,
    }));
  });
}
