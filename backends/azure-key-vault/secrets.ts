import { KeybatonError } from '../../domain/errors.ts';
import type { BackendCall } from '../backend.ts';
import type { SecretsClient } from './secrets-client.ts';

export type Tags = Readonly<Record<string, string>>;

/** One version, with its value. */
export interface SecretVersion {
  readonly id: string;
  readonly text: string;
  readonly tags: Tags;
  readonly contentType: string | undefined;
}

/** One version as lists show it. */
export interface ListedVersion {
  readonly id: string;
  readonly enabled: boolean;
  /** Epoch milliseconds, in whole seconds: nothing finer is told. */
  readonly created: number;
  readonly tags: Tags;
}

export interface VersionList {
  readonly versions: readonly ListedVersion[];
  /** The vault's clock at the end of the list, in whole seconds as well. */
  readonly date: number;
}

/** What we need of Key Vault. Every error is a KeybatonError, and absent is only what the vault calls so. */
export interface Secrets {
  /** The newest version, or one by its id. `disabled`: it is there, and nobody is shown it. */
  read(name: string, id: string | undefined, call: BackendCall): Promise<SecretVersion | 'absent' | 'disabled'>;
  /** Oldest first; those of one second by id, so that everybody has the same order. Empty when there is no such secret. */
  versions(name: string, call: BackendCall): Promise<VersionList>;
  /** A new version, which is what consumers read from now on. Its id. */
  set(name: string, text: string, tags: Tags, contentType: string | undefined, call: BackendCall): Promise<string>;
  /** As far as a single version can be destroyed. Gone already is success. */
  disable(name: string, id: string, call: BackendCall): Promise<void>;
}

const absent = 'SecretNotFound';
const disabled = 'SecretDisabled';
const largest = 25_000;

export function createSecrets(send: SecretsClient): Secrets {
  return {
    async read(name, id, call) {
      const done = await send(
        {
          what: `get ${name}`,
          writes: false,
          expect: [absent, disabled],
          send: (client, options) => client.getSecret(name, { ...options, ...(id !== undefined && { version: id }) }),
        },
        call,
      );
      if ('code' in done) return done.code === absent ? 'absent' : 'disabled';
      const { value, properties } = done.answer;
      if (value === undefined || properties.version === undefined) {
        throw new KeybatonError('UNAVAILABLE', `Key Vault answered get ${name} without a value`);
      }
      return { id: properties.version, text: value, tags: properties.tags ?? {}, contentType: properties.contentType };
    },

    async versions(name, call) {
      const done = await send(
        {
          what: `list the versions of ${name}`,
          writes: false,
          expect: [absent],
          send: async (client, options) => {
            const found: ListedVersion[] = [];
            for await (const { version, enabled, createdOn, tags } of client.listPropertiesOfSecretVersions(
              name,
              options,
            )) {
              if (version === undefined) continue;
              found.push({
                id: version,
                enabled: enabled ?? true,
                created: createdOn?.getTime() ?? 0,
                tags: tags ?? {},
              });
            }
            return found;
          },
        },
        call,
      );
      if ('code' in done) return { versions: [], date: 0 };
      const order = (one: ListedVersion, other: ListedVersion) =>
        one.created - other.created || (one.id < other.id ? -1 : 1);
      return { versions: [...done.answer].sort(order), date: done.date };
    },

    async set(name, text, tags, contentType, call) {
      if (Buffer.byteLength(text) > largest) {
        throw new KeybatonError('INVALID_CONFIG', `${name} would be larger than the 25 KB that Key Vault keeps`);
      }
      const done = await send(
        {
          what: `set ${name}`,
          writes: true,
          send: (client, options) =>
            client.setSecret(name, text, {
              ...options,
              tags: { ...tags },
              ...(contentType !== undefined && { contentType }),
            }),
        },
        call,
      );
      const id = 'answer' in done ? done.answer.properties.version : undefined;
      if (id === undefined) throw new KeybatonError('AMBIGUOUS', `Key Vault answered set ${name} without a version`);
      return id;
    },

    async disable(name, id, call) {
      await send(
        {
          what: `disable a version of ${name}`,
          writes: true,
          expect: [absent],
          send: (client, options) => client.updateSecretProperties(name, id, { ...options, enabled: false }),
        },
        call,
      );
    },
  };
}
