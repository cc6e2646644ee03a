import type { Chance } from './chance.ts';
import type { Written } from './hands.ts';
import { dueDate, plots, rarePlots } from './plots.ts';
import { day, hour, lengthText, minute, type Dimensions } from './scenario.ts';

const providerOperations = ['preflight', 'issue', 'verify', 'revoke', 'list', 'suspend', 'resume', 'usage'] as const;
const backendOperations = ['stage', 'promote', 'read', 'describe', 'destroy'] as const;
const failures = ['UNAVAILABLE', 'RATE_LIMITED', 'AMBIGUOUS', 'ACCESS_DENIED'] as const;

type LeakTo = 'rotation' | 'incident' | 'direct';
export interface Leak {
  readonly which: 'current' | 'newest' | 'all';
  readonly by: LeakTo;
}
export const leakTo: readonly LeakTo[] = ['rotation', 'incident', 'direct'];

/** `at` is counted from the beginning, in milliseconds. */
export type Mischief = { readonly at: number } & (
  | { readonly kind: 'crash'; readonly downFor: number }
  | { readonly kind: 'freeze'; readonly for: number }
  | { readonly kind: 'terminate' }
  | {
      readonly kind: 'provider fails';
      readonly on: (typeof providerOperations)[number] | 'extend';
      readonly code: (typeof failures)[number];
      readonly times: number;
    }
  | {
      readonly kind: 'provider loses the answer';
      readonly on: 'issue' | 'revoke' | 'suspend' | 'resume' | 'extend';
      readonly times: number;
    }
  | { readonly kind: 'late create'; readonly delay: number }
  /** The caller gives up; the message arrives all the same, this much later. */
  | { readonly kind: 'late message'; readonly on: 'promote' | 'revoke'; readonly delay: number }
  | { readonly kind: 'provider is down'; readonly for: number }
  | {
      readonly kind: 'backend troubles';
      readonly backend: number;
      readonly on: (typeof backendOperations)[number];
      readonly what: 'fail' | 'lose-answer';
      readonly times: number;
    }
  | { readonly kind: 'backend is down'; readonly backend: number; readonly for: number }
  | { readonly kind: 'ledger is down'; readonly for: number }
  /** Somebody writes past keybaton where consumers read, and sets it right again this much later. */
  | {
      readonly kind: 'hand writes';
      readonly backend: number;
      readonly what: Written;
      readonly restoredAfter: number;
    }
  | { readonly kind: 'rotate' }
  | { readonly kind: 'roll back' }
  | { readonly kind: 'pause'; readonly for: number }
  | { readonly kind: 'freeze all'; readonly for: number }
  /** Its team lets keybaton watch only. */
  | { readonly kind: 'entry observes'; readonly for: number }
  /** Its team wants to be asked before an old version dies; a person agrees this much later, or the team changes its mind. */
  | { readonly kind: 'entry asks'; readonly for: number; readonly agreedAfter: number }
  /** Removed from the inventory: its applications leave, and a person lets its last version die; or it is put back. */
  | {
      readonly kind: 'entry is retired';
      readonly leftAfter: number;
      readonly releasedAfter: number;
      readonly returnsAfter: number | undefined;
    }
  /** The inventory names one more consumer: an instance of it comes soon. */
  | { readonly kind: 'consumer is added' }
  /** To the incident that was declared last. */
  | { readonly kind: 'take over' }
  | { readonly kind: 'close incident' }
  | { readonly kind: 'part of incident is ended' }
  /** Told to the rotation alone, declared as an incident, or killed past Temporal and ledger and told to them later. */
  | ({ readonly kind: 'leak' } & Leak)
  | { readonly kind: 'consumer falls back'; readonly instance: number }
  | { readonly kind: 'consumer stands still'; readonly instance: number; readonly for: number }
  | { readonly kind: 'consumer joins' }
  | { readonly kind: 'consumer leaves'; readonly instance: number }
  | { readonly kind: 'wakes are lost'; readonly for: number }
  | { readonly kind: 'signals come twice'; readonly for: number }
);

/** Everything that goes wrong, in order. Most of it goes wrong around a rotation: near the beginning, and near its due dates. */
export function mischiefFor(chance: Chance, world: Dimensions): readonly Mischief[] {
  const alone = Array.from({ length: chance.between(0, world.length === 'long' ? 14 : 5) }, () => one(chance, world));
  const plotted = chance.oneIn(3) ? chance.pick(plots)(chance, world) : [];
  return [...alone, ...plotted, ...rarePlots(chance, world)].toSorted((before, after) => before.at - after.at);
}

function one(chance: Chance, world: Dimensions): Mischief {
  const { long, lasts } = { long: world.length === 'long', lasts: world.lasts };
  const at = chance.oneIn(3)
    ? chance.between(0, lasts)
    : dueDate(chance, world) +
      chance.between(0, chance.pick([2_000, 10_000, minute, 20 * minute, ...(long ? [8 * hour] : [])]));
  const short = (): number => chance.pick([1_000, 7_000, 30_000, 5 * minute]);
  const lengthy = (): number => chance.pick(long ? [10 * minute, 3 * hour, 3 * hour, day] : [10 * minute, 40 * minute]);
  const instance = chance.between(0, 7);
  const backend = chance.between(0, world.backends - 1);
  switch (chance.between(0, 27)) {
    case 0:
    case 1:
    case 2:
      return { at, kind: 'crash', downFor: chance.pick([short(), lengthy()]) };
    case 3:
    case 4:
      return { at, kind: 'freeze', for: chance.pick([6_000, 25_000, 2 * minute]) };
    case 5:
      return { at, kind: 'terminate' };
    case 6:
    case 7:
      return {
        at,
        kind: 'provider fails',
        on: chance.pick(providerOperations),
        code: chance.pick(failures),
        times: chance.between(1, 6),
      };
    case 8:
    case 9:
      return {
        at,
        kind: 'provider loses the answer',
        on: chance.pick(['issue', 'revoke', 'suspend', 'resume'] as const),
        times: chance.between(1, 3),
      };
    case 10:
      return world.provider.lateCreate === 0
        ? { at, kind: 'rotate' }
        : { at, kind: 'late create', delay: chance.between(1, world.provider.lateCreate) };
    case 11:
      return { at, kind: 'provider is down', for: chance.pick([short(), lengthy()]) };
    case 12:
    case 13:
      return {
        at,
        kind: 'backend troubles',
        backend,
        on: chance.pick(backendOperations),
        what: chance.pick(['fail', 'lose-answer'] as const),
        times: chance.between(1, 4),
      };
    case 14:
      return { at, kind: 'backend is down', backend, for: chance.pick([short(), lengthy()]) };
    case 15:
      return { at, kind: 'ledger is down', for: chance.pick([short(), lengthy()]) };
    case 16:
      return chance.oneIn(2) ? { at, kind: 'rotate' } : { at, kind: 'roll back' };
    case 17:
      return chance.oneIn(2) ? { at, kind: 'pause', for: lengthy() } : { at, kind: 'freeze all', for: lengthy() };
    case 18:
    case 19:
      return {
        ...{ at, kind: 'leak', which: chance.pick(['current', 'newest', 'all'] as const) },
        by: chance.pick(leakTo),
      };
    case 20:
      return chance.oneIn(2)
        ? { at, kind: 'consumer falls back', instance }
        : { at, kind: 'consumer stands still', instance, for: chance.pick([short(), lengthy()]) };
    case 21:
      return chance.oneIn(2) ? { at, kind: 'consumer joins' } : { at, kind: 'consumer leaves', instance };
    case 22:
      return {
        ...{ at, kind: 'late message', on: chance.pick(['promote', 'revoke'] as const) },
        delay: chance.between(minute, chance.pick([10 * minute, 2 * world.every])),
      };
    case 23:
      return { at, kind: 'entry asks', for: lengthy(), agreedAfter: chance.pick([short(), lengthy()]) };
    case 24:
      return { at, kind: 'consumer is added' };
    case 25:
    case 26:
      return {
        ...{ at, kind: 'hand writes', backend, what: chance.pick(['value', 'mark', 'older', 'note'] as const) },
        restoredAfter: lengthy(),
      };
    default:
      return chance.oneIn(2)
        ? { at, kind: 'wakes are lost', for: lengthy() }
        : { at, kind: 'signals come twice', for: lengthy() };
  }
}

/** Until when it keeps a kill waiting: people's pauses and freezes do not, nor does an application that stands still. */
export function disturbsUntil(mischief: Mischief, now: number): number {
  switch (mischief.kind) {
    case 'crash':
      return now + mischief.downFor;
    case 'freeze':
    case 'provider is down':
    case 'backend is down':
    case 'ledger is down':
    case 'wakes are lost':
      return now + mischief.for;
    case 'late create':
    case 'late message':
      return now + mischief.delay;
    case 'provider fails':
    case 'provider loses the answer':
    case 'backend troubles':
      return now + 10 * minute;
    case 'part of incident is ended':
      return now + 10 * minute;
    // Whoever began it told the rotation alone: the sweep finds it.
    case 'terminate':
      return now + hour;
    default:
      return now;
  }
}

/** One line for people. */
export function told(mischief: Mischief): string {
  const { at, kind, ...rest } = mischief;
  const more = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(
      ([name, value]) => `${name} ${typeof value === 'number' && value >= 1_000 ? lengthText(value) : String(value)}`,
    )
    .join(', ');
  return `${lengthText(at)}: ${kind}${more === '' ? '' : ` (${more})`}`;
}
