import { z } from 'zod';
import type { CreateIdempotency, Traits, UsageKind } from '../provider.ts';

/** What the pretended provider can do. Fixed when the adapter is made, because the presence of an operation is the capability. */
export interface Powers {
  readonly keys: 'n-keys' | 'dual-slot' | 'operator-supplied';
  /** The provider mints the value, or we choose it. */
  readonly makes: 'mint' | 'generate';
  /** The provider shows a value again. */
  readonly recover: boolean;
  readonly suspend: boolean;
  readonly usage: UsageKind | undefined;
  readonly tags: boolean;
  readonly expiry: boolean;
}

export const usualPowers: Powers = {
  keys: 'n-keys',
  makes: 'mint',
  recover: false,
  suspend: true,
  usage: 'timestamp',
  tags: true,
  expiry: false,
};

const milliseconds = z.int().min(0);

export const inMemorySettings = z.strictObject({
  /** Processes that name the same folder share one world; without it the world lives and dies with this process. */
  folder: z.string().min(1).optional(),
  /** Tells worlds of one process apart. */
  world: z.string().min(1).default('default'),
  maxLive: z.int().min(1).optional(),
  createSpread: milliseconds.default(0),
  revokeSpread: milliseconds.default(0),
  lateCreate: milliseconds.default(0),
  callTimeout: z.int().min(1).max(15_000).default(5_000),
  /** How far the last-use signal runs behind. */
  usageLag: milliseconds.default(0),
  /** Names of the two slots. */
  slots: z.tuple([z.string().min(1), z.string().min(1)]).default(['a', 'b']),
});

export type InMemorySettings = z.output<typeof inMemorySettings>;

export function traitsOf(powers: Powers, settings: InMemorySettings): Traits {
  return {
    topology: powers.keys,
    maxLive: powers.keys === 'dual-slot' ? 2 : settings.maxLive,
    createIdempotency: idempotencyOf(powers),
    createSpread: settings.createSpread,
    revokeSpread: settings.revokeSpread,
    lateCreate: settings.lateCreate,
    callTimeout: settings.callTimeout,
    usage: powers.usage === undefined ? undefined : { kind: powers.usage, lag: settings.usageLag },
    tagged: powers.tags,
    expiry: powers.expiry,
  };
}

function idempotencyOf(powers: Powers): CreateIdempotency {
  if (powers.keys === 'dual-slot') return 'slot-overwrite';
  if (powers.makes === 'generate') return 'client-id';
  if (powers.recover && powers.tags) return 'value-recoverable';
  return powers.tags ? 'tag-search' : 'list-diff';
}
