import { KeybatonError } from '../../domain/errors.ts';
import type { Baseline, Call, IssueRequest, PreflightRequest } from '../provider.ts';
import { kill, markOf, parseMark, slotMark, tenantOf } from './marks.ts';
import type { InMemoryTarget } from './marks.ts';
import type { Powers } from './settings.ts';
import { digestOf, isStanding, newKey } from './world.ts';
import type { WorldState } from './world.ts';

/** Where the next version goes, with n keys side by side. */
export function roomForKey(
  state: WorldState,
  target: InMemoryTarget,
  request: PreflightRequest,
  now: number,
): Pick<Baseline, 'place'> {
  const own = markOf(target, request.version);
  const others = state.keys.filter((key) => isStanding(key, now) && key.tag !== own);
  if (others.length < (target.settings.maxLive ?? Infinity)) return { place: target.name };
  throw new KeybatonError(
    'CAPACITY_EXHAUSTED',
    `${target.name} holds ${others.length} keys and no more fit: revoke one that nobody uses`,
  );
}

/** Which of the two slots is free, and what stands in it. */
export function freeSlot(
  state: WorldState,
  target: InMemoryTarget,
  request: PreflightRequest,
  now: number,
): Pick<Baseline, 'place' | 'replaces'> {
  const own = markOf(target, request.version);
  const slots = target.settings.slots.map((place) => ({ place, tenant: tenantOf(state, place) }));
  const mine = slots.find((slot) => slot.tenant?.tag === own);
  if (mine !== undefined) return { place: mine.place, ...withMark(slotMark(mine.tenant)) };
  for (const { place, tenant } of slots.filter((slot) => !request.keep.some((ref) => ref.id === slot.place))) {
    if (tenant !== undefined && isStanding(tenant, now)) {
      if (parseMark(tenant.tag)?.installation !== target.installation) {
        throw new KeybatonError(
          'CONFLICT',
          `slot ${place} works without a mark of ours: hand it over with an import, or empty it`,
        );
      }
      if (!request.free.some((ref) => ref.id === place && ref.mark === tenant.tag)) continue;
    }
    return { place, ...withMark(slotMark(tenant)) };
  }
  throw new KeybatonError(
    'CAPACITY_EXHAUSTED',
    `no slot of ${target.name} is free: each holds a version that is not proved dead`,
  );
}

/** The effect of `issue` with n keys. An earlier key of the same version is the answer where its value is known, else it dies first. */
export function makeKey(
  state: WorldState,
  target: InMemoryTarget,
  request: IssueRequest,
  made: Made,
  powers: Powers,
): { readonly id: string; readonly value: string } {
  const { now, value } = made;
  const tag = markOf(target, request.version);
  const id = powers.makes === 'generate' ? request.version : `key-${(state.created += 1)}`;
  if (state.keys.some((key) => key.id === id && key.revokedAt !== undefined)) {
    throw new KeybatonError('CONFLICT', `version ${request.version} is dead and its id is never used again`);
  }
  // Who chooses the id makes one key, however often it is asked: one that is still under way appears now.
  const underWay =
    powers.makes === 'generate' ? state.keys.find((key) => key.id === id && key.appearsAt > now) : undefined;
  if (underWay !== undefined) {
    state.keys.splice(state.keys.indexOf(underWay), 1, born(id, tag, target, request, made, powers));
    return { id, value };
  }
  const earlier = powers.tags ? state.keys.filter((key) => key.tag === tag && isStanding(key, now)) : [];
  const [same] = earlier;
  if (same !== undefined && powers.makes === 'generate') {
    same.digest = newKey({ id, value, at: now }).digest;
    return { id: same.id, value };
  }
  if (same?.value !== undefined) return { id: same.id, value: same.value };
  earlier.forEach((key) => kill(key, target, now));
  state.keys.push(born(id, tag, target, request, made, powers));
  return { id, value };
}

/** The effect of `issue` on a slot: compare the mark, then set. */
export function fillSlot(
  state: WorldState,
  target: InMemoryTarget,
  request: IssueRequest,
  made: Made,
  powers: Powers,
): { readonly id: string; readonly value: string } {
  const tag = markOf(target, request.version);
  const tenant = tenantOf(state, request.place);
  const stands = slotMark(tenant);
  if (stands === `${tag}:dead`)
    throw new KeybatonError('CONFLICT', `version ${request.version} has been revoked in slot ${request.place}`);
  const works = tenant !== undefined && isStanding(tenant, made.now);
  if (stands !== tag && (stands !== request.replaces || (works && stands === undefined))) {
    throw new KeybatonError('CONFLICT', `slot ${request.place} is not as it was when the rotation was planned`);
  }
  // The same value again changes nothing.
  if (works && stands === tag && tenant.digest === digestOf(made.value))
    return { id: request.place, value: made.value };
  if (tenant !== undefined) kill(tenant, target, made.now);
  state.keys.push(born(request.place, tag, target, request, made, powers));
  return { id: request.place, value: made.value };
}

export interface Made {
  readonly value: string;
  readonly now: number;
  /** How much later the key appears than it should. */
  readonly delay: number;
}

/** A value that we choose, or the provider mints: 32 random bytes, url-safe. */
export function freshValue(random: Call['random']): string {
  return `kbmem_${Buffer.from(random(32)).toString('base64url')}`;
}

function born(
  id: string,
  tag: string,
  target: InMemoryTarget,
  request: IssueRequest,
  made: Made,
  powers: Powers,
): ReturnType<typeof newKey> {
  return newKey({
    id,
    value: made.value,
    at: made.now,
    appearsAt: made.now + made.delay,
    spread: target.settings.createSpread,
    keepValue: powers.recover,
    ...(powers.tags && { tag }),
    ...(powers.expiry && request.expiresAt !== undefined && { expiresAt: request.expiresAt }),
  });
}

function withMark(mark: string | undefined): { readonly replaces?: string } {
  return mark === undefined ? {} : { replaces: mark };
}
