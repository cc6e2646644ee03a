import type { Chance } from './chance.ts';
import type { Instance } from './consumers.ts';
import type { Mischief } from './mischief.ts';
import type { People } from './people.ts';
import type { SimulatedWorld } from './world.ts';

export interface RetireInput {
  readonly world: SimulatedWorld;
  readonly people: People;
  readonly chance: Chance;
  readonly instances: readonly Instance[];
  readonly quietFrom: number;
  /** As many as there were come back. */
  readonly comeBack: () => void;
}

/**
 * A team removes its entry: whoever read it leaves, one after the other, and a person lets the last version die, before or
 * after that; or the team thinks better of it, and its applications come back.
 */
export async function retire(
  { world, people, chance, instances, quietFrom, comeBack }: RetireInput,
  { leftAfter, releasedAfter, returnsAfter }: Extract<Mischief, { readonly kind: 'entry is retired' }>,
): Promise<void> {
  const { agenda } = world;
  const soon = (after: number): number => Math.min(agenda.now() + after, quietFrom);
  const letGo = (): Promise<void> =>
    people.reaching(async () => {
      if (!world.kept() && (await people.request('release', { release: 'retire' })) !== undefined) world.letGo();
    });
  const putBack = (): Promise<void> =>
    people.reaching(async () => {
      if (world.kept()) return;
      await world.keep(true);
      comeBack();
    });

  await people.reaching(async () => {
    if (!world.kept()) return;
    await world.keep(false);
    for (const instance of instances)
      agenda.at(soon(chance.between(0, leftAfter)), 'leave', () => {
        if (!world.kept()) instance.leave();
      });
    agenda.at(soon(releasedAfter), 'release', letGo);
    if (returnsAfter !== undefined) agenda.at(soon(returnsAfter), 'return', putBack);
  });
}
