import type { Entry } from '../../domain/entry.ts';
import { parseCredentialId, versionIdFrom } from '../../domain/identifiers.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';

export const bot = parseCredentialId('openai/prod/support-bot');
export const search = parseCredentialId('openai/prod/search');

export const minutes = (count: number): number => count * 60_000;
export const days = (count: number): number => count * 86_400_000;

export function entry(id: CredentialId = bot, change: Partial<Entry> = {}): Entry {
  return {
    id,
    target: 'openai-prod',
    team: 'support',
    contact: undefined,
    groups: [],
    tier: 'standard',
    mode: 'automatic',
    schedule: { every: days(90), jitter: 0, windows: [] },
    backends: [{ backend: 'vault', path: `ai/${id}`, fields: undefined }],
    consumers: [consumer('api')],
    silence: { for: minutes(10) },
    soak: 0,
    emergency: { policy: 'revoke-first', bound: minutes(5) },
    standby: false,
    dependents: [],
    apartFrom: [],
    movedFrom: undefined,
    ...change,
  };
}

type Consumer = Exclude<Entry['consumers'], { readonly none: string }>[number];

export function consumer(name: string, change: Partial<Consumer> = {}): Consumer {
  return {
    name,
    kind: 'service',
    demand: 'possession',
    deadline: minutes(60),
    without: 'hold',
    probe: undefined,
    ...change,
  };
}

let made = 0;

/** A version id that no other call in this process gave. */
export function freshVersion(): VersionId {
  made += 1;
  const bytes = Uint8Array.from({ length: 64 }, (_, index) => (made >> (index * 4)) & 15);
  return versionIdFrom(bytes);
}
