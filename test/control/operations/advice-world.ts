import type { KnownCredential, KnownTarget } from '../../../control/operations/advise/world.ts';
import type { Entry, EntryConsumer, EvidenceKind } from '../../../domain/entry.ts';
import type { CredentialFacts, EpochReason, VersionFacts } from '../../../domain/facts.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import type { CredentialId } from '../../../domain/identifiers.ts';
import type { KeyAdvice } from '../../../domain/key-advice.ts';
import type { Fate } from '../../../domain/lifecycle.ts';
import type { TargetTraits } from '../../../inventory/adapters.ts';
import { newVersion } from '../bench.ts';

/** Parts of a world for the rules of advice: everything is in order but for what a test says. */
export const hour = 3_600_000;
export const now = Date.UTC(2026, 10, 23);
export const bot = parseCredentialId('vendor/prod/bot');
export const dev = parseCredentialId('vendor/dev/bot');

const plainTraits: TargetTraits = {
  topology: 'n-keys',
  maxLive: undefined,
  usage: undefined,
  tagged: true,
  expiry: false,
  material: { fields: ['api_key'], value: 'api_key' },
};

export interface TargetParts {
  readonly name?: string;
  readonly environment?: string;
  readonly admin?: string;
  readonly secondAdmin?: string;
  readonly provider?: string;
  readonly traits?: Partial<TargetTraits> | undefined;
  readonly advice?: KeyAdvice;
  readonly credentials?: readonly CredentialId[];
}

export function target({
  name = 'one',
  environment = 'prod',
  admin = `env:${name}`,
  provider = 'vendor',
  secondAdmin,
  advice = {},
  credentials = [environment === 'prod' ? bot : dev],
  ...parts
}: TargetParts = {}): KnownTarget {
  return {
    name,
    advice,
    credentials,
    traits: 'traits' in parts && parts.traits === undefined ? undefined : { ...plainTraits, ...parts.traits },
    target: {
      ...{ provider, environment, admin, settings: {}, teams: ['search'], paths: ['ai'], probes: {} },
      ...(secondAdmin !== undefined && { secondAdmin }),
    },
  };
}

export const consumer = (name: string, demand: EvidenceKind = 'possession'): EntryConsumer => ({
  ...{ name, demand, kind: 'service', deadline: hour, without: 'hold', probe: undefined },
});

export function version(parts: { fate?: Fate; fingerprint?: string; expiresAt?: number } = {}): VersionFacts {
  return {
    ...{ id: newVersion(), fate: parts.fate ?? 'current', everCurrent: true, compromised: false },
    ...{ compromisedAt: undefined, suspended: false, spent: false, refused: false, issued: true, target: 'one' },
    ...{ createdAt: now - hour, expiresAt: parts.expiresAt, fingerprint: parts.fingerprint, refs: [], copies: [] },
    ...{ intents: [], baseline: undefined, authorisedEpoch: undefined, killBegun: false, suspendedAt: undefined },
    ...{ dead: undefined, refusals: undefined, onlyByHand: false, debtMoved: false, drill: false },
  };
}

export interface CredentialParts {
  readonly id?: CredentialId;
  readonly entry?: Partial<Entry>;
  readonly status?: CredentialFacts['status'];
  /** The last is current. */
  readonly versions?: readonly VersionFacts[];
  readonly why?: EpochReason;
  readonly target?: KnownTarget;
  readonly unproved?: ReadonlyMap<string, readonly number[]>;
}

export function credential(parts: CredentialParts = {}): KnownCredential {
  const { id = bot, versions = [], why = 'due' } = parts;
  const last = versions.at(-1);
  const entry: Entry = {
    ...{ id, target: 'one', team: 'search', contact: undefined, groups: [], tier: 'standard', mode: 'automatic' },
    ...{ schedule: { every: 24 * hour, jitter: 0, windows: [] }, backends: [], consumers: [consumer('web')] },
    ...{ silence: { for: hour }, soak: hour, emergency: { policy: 'revoke-first', bound: hour }, standby: false },
    ...{ dependents: [], apartFrom: [], movedFrom: undefined },
    ...parts.entry,
  };
  return {
    target: parts.target ?? target(),
    unproved: parts.unproved ?? new Map(),
    facts: {
      ...{ id, now, status: parts.status ?? 'managed', entry, observeOnly: false, versions, requests: [] },
      epochs: last === undefined ? [] : [{ epoch: versions.length, version: last.id, why, decidedAt: now - hour }],
      due: { at: undefined, lastRotatedAt: undefined, failedAttempts: 0, nextAttemptAt: undefined, reopened: false },
      openRun: undefined,
    },
  };
}
