import type { Chance } from './chance.ts';
import { endsOf, lastsWith, stoppedFor, type Ends } from './expiring.ts';
import { mischiefFor, type Mischief } from './mischief.ts';

/** Everything that a seed decides: what the world is like, and what goes wrong in it, when. Plain data, so that it shrinks. */
export interface Scenario extends Dimensions {
  readonly seed: number;
  readonly mischief: readonly Mischief[];
}

/** Milliseconds, all of them. */
export interface Dimensions {
  /** `brief`: an hour or a few, two or three rotations; thousands of them are played. `long`: up to two weeks. */
  readonly length: 'brief' | 'long';
  readonly provider: ProviderKind;
  readonly consumers: number;
  /** Instances of each consumer. */
  readonly instances: number;
  /** How long keybaton believes that an instance is there. */
  readonly lease: number;
  /** Undefined: silence is not asked for. */
  readonly silence: number | undefined;
  readonly soak: number;
  readonly every: number;
  readonly backends: 1 | 2 | 3;
  readonly policy: 'revoke-first' | 'replace-first';
  /** How long what leaked may wait for its replacement. */
  readonly bound: number;
  readonly standby: boolean;
  /** A second credential at the same target, which is rotated whenever the first one leaked; the target bears no more than both need. */
  readonly dependent: boolean;
  /** Until the world is left in peace. */
  readonly lasts: number;
}

export interface ProviderKind {
  readonly keys: 'n-keys' | 'dual-slot';
  readonly makes: 'mint' | 'generate';
  readonly suspend: boolean;
  readonly usage: 'timestamp' | 'counter' | undefined;
  readonly usageLag: number;
  readonly createSpread: number;
  readonly revokeSpread: number;
  readonly lateCreate: number;
  /** Undefined: a key lives until somebody revokes it. */
  readonly ends: Ends | undefined;
}

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

export function scenarioOf(chance: Chance, seed: number, length: Dimensions['length'] = 'brief'): Scenario {
  const long = length === 'long';
  const usage = chance.pick(['timestamp', 'counter', undefined] as const);
  const keys = chance.pick(['n-keys', 'n-keys', 'dual-slot'] as const);
  const every = chance.pick(long ? [2 * day, 5 * day, 10 * day] : [40 * minute, 90 * minute]);
  const asks = usage !== undefined && !chance.oneIn(long ? 3 : 2);
  const dimensions: Dimensions = {
    length,
    provider: {
      keys,
      makes: chance.pick(['mint', 'generate'] as const),
      suspend: !chance.oneIn(3),
      usage,
      usageLag: usage === undefined ? 0 : chance.pick([0, 0, 5_000, ...(long ? [10 * minute] : [minute])]),
      createSpread: chance.pick(long ? [0, 0, 3_000, minute] : [0, 0, 3_000, 20_000]),
      revokeSpread: chance.pick(long ? [0, 0, 3_000, minute] : [0, 0, 3_000, 20_000]),
      lateCreate: chance.pick([0, 5_000, minute]),
      ends: keys === 'n-keys' ? endsOf(chance) : undefined,
    },
    consumers: chance.between(0, long ? 3 : 2),
    instances: chance.between(1, 2),
    lease: long ? 12 * hour : 2 * hour,
    silence: asks ? chance.pick(long ? [10 * minute, 6 * hour] : [minute, 3 * minute]) : undefined,
    soak: chance.pick([0, 0, minute, ...(long ? [hour] : [5 * minute])]),
    every,
    backends: chance.pick([1, 1, 1, 2, 2, 3] as const),
    policy: chance.pick(['revoke-first', 'revoke-first', 'replace-first'] as const),
    bound: chance.pick([minute, 10 * minute]),
    standby: keys === 'n-keys' && chance.oneIn(5),
    dependent: keys === 'n-keys' && chance.oneIn(4),
    lasts: long ? chance.between(4, 16) * day : every + chance.between(minute, every),
  };
  const mischief = mischiefFor(chance, dimensions);
  if (dimensions.provider.ends === undefined) return { seed, ...dimensions, mischief };
  const stops = stoppedFor(chance, dimensions);
  const all = [...mischief, ...stops].toSorted((before, after) => before.at - after.at);
  return { seed, ...dimensions, lasts: lastsWith(stops, dimensions), mischief: all };
}

export function lengthText(milliseconds: number): string {
  const days = Math.floor(milliseconds / day);
  const clock = new Date(milliseconds % day).toISOString().slice(11, 23);
  return days === 0 ? clock : `${days}d ${clock}`;
}
