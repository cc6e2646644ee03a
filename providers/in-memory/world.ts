import { createHash } from 'node:crypto';
import { KeybatonError } from '../../domain/errors.ts';
import type { Verdict } from '../provider.ts';
import type { Trouble } from './trouble.ts';

/** One generation of a key, as the pretended provider keeps it: the digest of its value, never the value unless it can be recovered. */
export interface WorldKey {
  readonly id: string;
  digest: string;
  /** Kept only where the provider shows a value again. */
  value?: string;
  /** `<installation>:<version>`; undefined for a key that nobody tagged. */
  tag?: string;
  readonly createdAt: number;
  /** Before this it is not even listed: the create is still under way. */
  readonly appearsAt: number;
  /** Before this it is refused though listed: it has not spread yet. */
  worksAt: number;
  disabled: boolean;
  /** Alive, but permitted nothing. */
  forbidden: boolean;
  /** When it was revoked; accepted until `diesAt`. */
  revokedAt?: number;
  diesAt?: number;
  expiresAt?: number;
  /** Times of uses, newest last; only the last hundred, for a lagging signal. */
  uses: number[];
  useCount: number;
  sessions: number;
}

export interface WorldState {
  /** Digest of the one admin value that is accepted; undefined accepts every one. */
  admin?: string;
  created: number;
  keys: WorldKey[];
  troubles: Trouble[];
}

/** What lies on the far side of the in-memory adapter. `change` is atomic, also between processes that share a world. */
export interface World {
  change<Answer>(act: (state: WorldState) => Answer): Answer;
}

export const emptyState = (): WorldState => ({ created: 0, keys: [], troubles: [] });

/** A world inside this process. */
export function processWorld(): World {
  const state = emptyState();
  return { change: (act) => act(state) };
}

export const digestOf = (value: string): string => createHash('sha256').update(value).digest('hex');

/** Listed and not revoked, disabled ones among them: what an outside observer counts. */
export function standingKeys(world: World, now: number): readonly WorldKey[] {
  return world.change((state) => state.keys.filter((key) => isStanding(key, now)));
}

export function isStanding(key: WorldKey, now: number): boolean {
  return key.appearsAt <= now && key.revokedAt === undefined && !isExpired(key, now);
}

/** What a consumer gets who shows this value; the use is counted. */
export function showValue(world: World, value: string, now: number): Verdict {
  const digest = digestOf(value);
  return world.change((state) => {
    const key = state.keys.find((one) => one.digest === digest && isAccepted(one, now));
    if (key === undefined) return 'refused';
    key.uses = [...key.uses, now].slice(-100);
    key.useCount += 1;
    return key.forbidden ? 'forbidden' : 'accepted';
  });
}

/** Opens a session that lives until it is ended by the provider. NOT_FOUND when the value is refused. */
export function openSession(world: World, value: string, now: number): { readonly isOpen: () => boolean } {
  const digest = digestOf(value);
  if (showValue(world, value, now) === 'refused') throw new KeybatonError('NOT_FOUND', 'no live key has this value');
  world.change((state) => state.keys.filter((key) => key.digest === digest).forEach((key) => (key.sessions += 1)));
  return { isOpen: () => world.change((state) => state.keys.some((key) => key.digest === digest && key.sessions > 0)) };
}

/** Puts a key there that keybaton did not make. */
export function plantKey(
  world: World,
  planted: { readonly id: string; readonly value: string; readonly tag?: string; readonly at: number },
): void {
  world.change((state) => state.keys.push(newKey(planted)));
}

export function newKey(born: {
  readonly id: string;
  readonly value: string;
  readonly tag?: string;
  readonly at: number;
  readonly appearsAt?: number;
  readonly spread?: number;
  readonly keepValue?: boolean;
  readonly expiresAt?: number;
}): WorldKey {
  const appearsAt = born.appearsAt ?? born.at;
  return {
    id: born.id,
    digest: digestOf(born.value),
    ...(born.keepValue === true && { value: born.value }),
    ...(born.tag !== undefined && { tag: born.tag }),
    createdAt: born.at,
    appearsAt,
    worksAt: appearsAt + (born.spread ?? 0),
    disabled: false,
    forbidden: false,
    ...(born.expiresAt !== undefined && { expiresAt: born.expiresAt }),
    uses: [],
    useCount: 0,
    sessions: 0,
  };
}

function isAccepted(key: WorldKey, now: number): boolean {
  // What had not spread when it was revoked is accepted no earlier for it.
  if (key.worksAt > now) return false;
  if (key.revokedAt !== undefined) return now < (key.diesAt ?? 0);
  return !key.disabled && !isExpired(key, now);
}

function isExpired(key: WorldKey, now: number): boolean {
  return key.expiresAt !== undefined && key.expiresAt <= now;
}
