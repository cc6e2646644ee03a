/**
 * The secrets of one vault. What it does stands in the REST reference
 * (https://learn.microsoft.com/en-us/rest/api/keyvault/secrets/set-secret/set-secret and the pages beside it) and in
 * https://learn.microsoft.com/en-us/azure/key-vault/secrets/about-secrets,
 * https://learn.microsoft.com/en-us/azure/key-vault/general/soft-delete-overview, read 2026-11.
 */
import { randomBytes } from 'node:crypto';

export interface KeyVaultSettings {
  /** How many of our milliseconds a second of the vault lasts: its clock may run faster, and still tells whole seconds. */
  secondLasts: number;
  /** Entries of a list on one page; the service gives 25 at most. */
  pageSize: number;
}

export interface Version {
  readonly id: string;
  readonly value: string;
  readonly created: number;
  updated: number;
  enabled: boolean;
  contentType: string | undefined;
  tags: Readonly<Record<string, string>>;
}

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly inner: string | undefined;
}

/** What the vault answers instead, by the code and the inner code of its body. */
export const refusal = (status: number, code: string, inner?: string) =>
  Object.assign(new Error(code), { refusal: { status, code, inner } });

export const isRefusal = (thrown: unknown): thrown is Error & { readonly refusal: Refusal } =>
  thrown instanceof Error && 'refusal' in thrown;

export const keyVaultDefaults = (): KeyVaultSettings => ({ secondLasts: 1_000, pageSize: 25 });

export interface NewVersion {
  readonly value: string;
  readonly contentType: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly enabled: boolean;
}

export function keyVaultState(settings: KeyVaultSettings) {
  const secrets = new Map<string, { readonly versions: Version[]; deleted: boolean }>();
  let clock = { real: Date.now(), told: Date.now() };
  let lasting = settings.secondLasts;

  /** Epoch milliseconds by the vault's clock, which never goes back when its pace is changed. */
  function now(): number {
    const real = Date.now();
    clock = { real, told: clock.told + ((real - clock.real) * 1_000) / lasting };
    lasting = settings.secondLasts;
    return clock.told;
  }

  /** Names mean the same in upper and lower case. */
  function find(name: string) {
    const secret = secrets.get(name.toLowerCase());
    return secret?.deleted ? undefined : secret;
  }

  function named(name: string) {
    const secret = find(name);
    if (!secret) throw refusal(404, 'SecretNotFound');
    return secret;
  }

  function versionOf(name: string, id: string): Version {
    const version = named(name).versions.find((one) => one.id === id);
    if (!version) throw refusal(404, 'SecretNotFound');
    return version;
  }

  function set(name: string, { value, contentType, tags, enabled }: NewVersion): Version {
    const there = secrets.get(name.toLowerCase());
    if (there?.deleted) throw refusal(409, 'Conflict', 'ObjectIsDeletedButRecoverable');
    const seconds = Math.floor(now() / 1_000);
    const id = randomBytes(16).toString('hex');
    const version: Version = { id, value, contentType, tags, enabled, created: seconds, updated: seconds };
    if (there) there.versions.push(version);
    else secrets.set(name.toLowerCase(), { versions: [version], deleted: false });
    return version;
  }

  return {
    now,
    set,
    get(name: string, id: string | undefined): Version {
      // The newest is current, also when it is disabled: no older one stands in for it.
      const version = id === undefined ? named(name).versions.at(-1) : versionOf(name, id);
      if (!version) throw refusal(404, 'SecretNotFound');
      if (!version.enabled) throw refusal(403, 'Forbidden', 'SecretDisabled');
      return version;
    },

    update(name: string, id: string, change: Partial<Pick<Version, 'enabled' | 'tags' | 'contentType'>>): Version {
      const version = versionOf(name, id);
      Object.assign(version, change, { updated: Math.floor(now() / 1_000) });
      return version;
    },

    /** In no order that anybody may rely on. */
    versions: (name: string): readonly Version[] =>
      [...named(name).versions].sort((one, other) => (one.id < other.id ? -1 : 1)),

    remove(name: string): void {
      named(name).deleted = true;
    },

    all: () => [...secrets].map(([name, { versions, deleted }]) => ({ name, deleted, versions })),

    /** A hand that sets fields of a JSON object, as one step. */
    merge(name: string, fields: Readonly<Record<string, string>>, tags: Readonly<Record<string, string>>): void {
      const newest = find(name)?.versions.at(-1);
      const value = JSON.stringify({ ...Object(JSON.parse(newest?.value ?? '{}')), ...fields });
      set(name, { value, contentType: newest?.contentType, tags, enabled: true });
    },
  };
}
