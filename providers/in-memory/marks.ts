import { KeybatonError } from '../../domain/errors.ts';
import type { Target } from '../provider.ts';
import type { InMemorySettings } from './settings.ts';
import { isStanding } from './world.ts';
import type { WorldKey, WorldState } from './world.ts';

export type InMemoryTarget = Target<InMemorySettings>;

const shape = /^([a-z0-9]{4,12}):(kb[a-z0-9]{30})$/;

export const markOf = (target: InMemoryTarget, version: string): string => `${target.installation}:${version}`;

/** Undefined for a key without a tag, and for a tag that keybaton did not write. */
export function parseMark(
  tag: string | undefined,
): { readonly installation: string; readonly version: string } | undefined {
  const [, installation, version] = shape.exec(tag ?? '') ?? [];
  return installation === undefined || version === undefined ? undefined : { installation, version };
}

/** The newest generation in a slot. */
export function tenantOf(state: WorldState, slot: string): WorldKey | undefined {
  return state.keys.findLast((key) => key.id === slot);
}

/** The mark that stands in a slot: a dead tenant's ends in `:dead`. */
export function slotMark(tenant: WorldKey | undefined): string | undefined {
  return tenant?.tag === undefined || tenant.revokedAt === undefined ? tenant?.tag : `${tenant.tag}:dead`;
}

/** Kills a key now; it is accepted as long as the revocation takes to spread. */
export function kill(key: WorldKey, target: InMemoryTarget, now: number): void {
  if (key.revokedAt !== undefined) return;
  key.revokedAt = now;
  key.diesAt = now + target.settings.revokeSpread;
  key.sessions = 0;
  delete key.value;
}

/**
 * The generation that a ref names. Undefined: it is gone, or another generation of ours took its slot. CONFLICT where a
 * mark is missing or another installation's: then nobody can tell whose it is.
 */
export function generationOf(
  state: WorldState,
  target: InMemoryTarget,
  ref: { readonly id: string; readonly mark?: string },
  inSlots: boolean,
): WorldKey | undefined {
  if (!inSlots) return state.keys.find((key) => key.id === ref.id && key.revokedAt === undefined);
  const tenant = tenantOf(state, ref.id);
  const mark = parseMark(tenant?.tag);
  if (tenant === undefined || mark?.installation !== target.installation || ref.mark === undefined) {
    throw new KeybatonError(
      'CONFLICT',
      `slot ${ref.id} has no mark of this installation: look who uses it, then hand it over with an import`,
    );
  }
  return tenant.tag === ref.mark && tenant.revokedAt === undefined ? tenant : undefined;
}

/** As `generationOf`, where the generation must be there. */
export function standingGeneration(
  state: WorldState,
  target: InMemoryTarget,
  ref: { readonly id: string; readonly mark?: string },
  inSlots: boolean,
  now: number,
): WorldKey {
  const key = generationOf(state, target, ref, inSlots);
  if (key !== undefined && isStanding(key, now)) return key;
  throw new KeybatonError('NOT_FOUND', `${ref.id} does not hold this version any more`);
}
