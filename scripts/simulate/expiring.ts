import type { Chance } from './chance.ts';
import type { Mischief } from './mischief.ts';
import { day, hour, minute, type Dimensions } from './scenario.ts';

/** Keys that the provider ends by itself: their end can be moved, or stands as it was when they were made. */
export type Ends = 'movable' | 'fixed';

/** Drawn apart from everything else, so that a seed that has none of it is told as before. */
const drawnFrom = (chance: Chance): Chance => chance.fork('expiry');

/** In one of five seeds where keys live side by side. */
export function endsOf(chance: Chance): Ends | undefined {
  const own = drawnFrom(chance);
  return own.oneIn(5) ? own.pick(['movable', 'movable', 'fixed'] as const) : undefined;
}

/** As `leastExpiry` has it for the entry: no hold of usual length, nor a missed interval, lets a key reach its end. */
export const lifeOf = ({ every, soak, silence, consumers }: Dimensions): number =>
  2 * every + soak + (silence ?? 0) + (consumers > 0 ? hour : 0);

/** What a key that ends by itself does not bear: everything stands, for about as long as it lives. */
export function stoppedFor(chance: Chance, world: Dimensions): readonly Mischief[] {
  const own = drawnFrom(chance).fork('mischief');
  return Array.from({ length: own.between(1, 3) }, () => stopped(own, world)).flat();
}

function stopped(own: Chance, world: Dimensions): readonly Mischief[] {
  const { every, length } = world;
  const life = lifeOf(world);
  const rotation = own.between(0, 2) * every;
  // In the middle of a rotation, or at rest.
  const at = rotation + own.between(1_000, own.pick([20_000, 5 * minute, 20 * minute, every]));
  const long = own.between(Math.floor(life / 2), 2 * life);
  const still = (): Mischief => {
    const before = Math.max(0, rotation - own.between(0, minute));
    return { at: before, kind: 'consumer stands still', instance: own.between(0, 3), for: long };
  };
  switch (own.between(0, 10)) {
    case 0:
      return [{ at, kind: 'pause', for: long }];
    case 1:
      return [{ at, kind: 'freeze all', for: long }];
    // The rotation waits for a proof when people stop it.
    case 2:
    case 3:
      return [still(), { at, kind: own.pick(['pause', 'freeze all'] as const), for: long }];
    case 4:
      return [still()];
    case 5:
      return [{ at, kind: 'crash', downFor: long }];
    case 6:
      return [{ at, kind: own.pick(['provider is down', 'ledger is down'] as const), for: long }];
    case 7:
      return [{ at, kind: 'entry asks', for: long, agreedAfter: own.between(minute, long) }];
    case 8:
      return [{ at: at + own.between(0, every), kind: 'roll back' }];
    case 9:
      return [
        still(),
        {
          ...{ at, kind: 'provider fails', on: 'extend', times: own.between(1, 12) },
          code: own.pick(['UNAVAILABLE', 'RATE_LIMITED', 'AMBIGUOUS'] as const),
        },
      ];
    default:
      return [
        still(),
        { at, kind: 'provider loses the answer', on: 'extend', times: own.between(1, 3) },
        {
          at: at + own.between(0, length === 'long' ? day : 10 * minute),
          kind: 'crash',
          downFor: own.between(0, life),
        },
      ];
  }
}

/** People go home when the last of it is over, and no sooner than a key could have reached its end. */
export function lastsWith(mischief: readonly Mischief[], world: Dimensions): number {
  const over = mischief.map((one) => one.at + ('for' in one ? one.for : 'downFor' in one ? one.downFor : 0));
  return Math.max(world.lasts, lifeOf(world) + world.every, ...over.map((end) => end + minute));
}
