/**
 * What Google Secret Manager remembers of one project, and what it refuses, as its own descriptions say: the comments of
 * `google/cloud/secretmanager/v1/resources.proto` and `service.proto` (shipped with the official client 7.2.0), and
 * https://docs.cloud.google.com/secret-manager/docs/reference/consistency, .../quotas, https://google.aip.dev/154 (etags:
 * a mismatch is ABORTED), https://google.aip.dev/193 (errors), read 2026-11. Pure.
 */
export interface GoogleSecretManagerSettings {
  project: string;
  /** AIP-154 says ABORTED; older services of Google say FAILED_PRECONDITION. */
  etagMismatch: 'ABORTED' | 'FAILED_PRECONDITION';
  /** How many of the newest versions a list does not show yet: lists are eventually consistent, reads by number are not. */
  listsLackNewest: number;
  /** Every secret made from now on gets this `version_destroy_ttl` (an organisation's policy). */
  versionDestroyTtl: string | null;
}

export const googleDefaults = (): GoogleSecretManagerSettings => ({
  project: 'keybaton-test',
  etagMismatch: 'ABORTED',
  listsLackNewest: 0,
  versionDestroyTtl: null,
});

export interface FakeVersion {
  readonly n: number;
  state: 'ENABLED' | 'DISABLED' | 'DESTROYED';
  data: string | undefined;
  etag: string;
  scheduledDestroyTime?: string;
}

export interface FakeSecret {
  readonly id: string;
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  versionAliases: Readonly<Record<string, string>>;
  versionDestroyTtl?: string;
  expireTime?: string;
  readonly replication: unknown;
  etag: string;
  readonly versions: FakeVersion[];
}

export class Refused extends Error {
  readonly word: string;
  constructor(word: string, message: string) {
    super(message);
    this.word = word;
  }
}

/** The HTTP status of a canonical code (google.rpc.Code). */
export const statusOf: Readonly<Record<string, number>> = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 429,
  INTERNAL: 500,
  UNAVAILABLE: 503,
};

type Given = Readonly<Record<string, unknown>>;

export function googleState(settings: GoogleSecretManagerSettings) {
  const secrets = new Map<string, FakeSecret>();
  let changes = 0;
  const newEtag = () => `"${String((changes += 1)).padStart(12, '0')}"`;

  function secret(id: string): FakeSecret {
    const found = secrets.get(id);
    if (found === undefined) throw new Refused('NOT_FOUND', `Secret [${id}] not found.`);
    return found;
  }

  function version(id: string, name: string): FakeVersion {
    const { versions, versionAliases } = secret(id);
    const n = /^\d+$/.test(name) ? Number(name) : name === 'latest' ? versions.length : Number(versionAliases[name]);
    const found = versions.find((one) => one.n === n);
    if (found === undefined) throw new Refused('NOT_FOUND', `Secret Version [${id}/${name}] not found.`);
    return found;
  }

  function checkEtag(given: unknown, standing: string): void {
    if (given !== undefined && given !== '' && given !== standing) {
      throw new Refused(settings.etagMismatch, 'the etag provided does not match the current etag');
    }
  }

  function checkMaps({ labels, annotations }: { labels: Given; annotations: Given }): void {
    const badLabel = Object.entries(labels).find(
      ([key, value]) =>
        !/^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u.test(key) ||
        !/^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u.test(String(value)),
    );
    if (badLabel || Object.keys(labels).length > 64) throw new Refused('INVALID_ARGUMENT', 'a label is not allowed');
    if (JSON.stringify(annotations).length >= 16_384) throw new Refused('INVALID_ARGUMENT', 'annotations are too long');
  }

  return {
    secrets,
    secret,
    version,

    create(id: string, given: Given): FakeSecret {
      if (!/^[A-Za-z0-9_-]{1,255}$/.test(id)) throw new Refused('INVALID_ARGUMENT', 'secret_id is not allowed');
      const replication = Object(given['replication']) as Given;
      if (!('automatic' in replication) && !('userManaged' in replication))
        throw new Refused('INVALID_ARGUMENT', 'replication is required');
      if (secrets.has(id)) throw new Refused('ALREADY_EXISTS', `Secret [${id}] already exists.`);
      const labels = Object(given['labels']) as Record<string, string>;
      const annotations = Object(given['annotations']) as Record<string, string>;
      checkMaps({ labels, annotations });
      const made: FakeSecret = {
        id,
        labels,
        annotations,
        versionAliases: {},
        replication,
        etag: newEtag(),
        versions: [],
        ...(settings.versionDestroyTtl !== null && { versionDestroyTtl: settings.versionDestroyTtl }),
      };
      secrets.set(id, made);
      return made;
    },

    update(id: string, given: Given, mask: readonly string[]): FakeSecret {
      const found = secret(id);
      checkEtag(given['etag'], found.etag);
      for (const path of mask) {
        switch (path) {
          case 'version_aliases':
          case 'versionAliases': {
            const aliases = Object(given['versionAliases']) as Record<string, string>;
            for (const [alias, n] of Object.entries(aliases)) {
              if (!/^(?!latest$|NEW$)[A-Za-z][A-Za-z0-9_-]{0,62}$/.test(alias))
                throw new Refused('INVALID_ARGUMENT', 'an alias is not allowed');
              if (!found.versions.some((one) => one.n === Number(n)))
                throw new Refused('FAILED_PRECONDITION', 'an alias names no version');
            }
            if (Object.keys(aliases).length > 50) throw new Refused('INVALID_ARGUMENT', 'more than 50 aliases');
            found.versionAliases = Object.fromEntries(Object.entries(aliases).map(([alias, n]) => [alias, String(n)]));
            break;
          }
          case 'labels':
            found.labels = Object(given['labels']) as Record<string, string>;
            break;
          case 'annotations':
            found.annotations = Object(given['annotations']) as Record<string, string>;
            break;
          case 'version_destroy_ttl':
          case 'versionDestroyTtl':
            found.versionDestroyTtl = String(given['versionDestroyTtl']);
            break;
          default:
            throw new Refused('INVALID_ARGUMENT', `the mask names ${path}`);
        }
      }
      checkMaps(found);
      found.etag = newEtag();
      return found;
    },

    erase(id: string, etag: unknown): void {
      checkEtag(etag, secret(id).etag);
      secrets.delete(id);
    },

    /** No etag, no request id: each call makes a version, enabled at once. */
    add(id: string, data: string): FakeVersion {
      const { versions } = secret(id);
      if (Buffer.from(data, 'base64').length > 65_536) throw new Refused('INVALID_ARGUMENT', 'the payload is too long');
      const made: FakeVersion = { n: versions.length + 1, state: 'ENABLED', data, etag: newEtag() };
      versions.push(made);
      return made;
    },

    /** `latest` is the newest even when it is disabled or destroyed. */
    access(id: string, name: string): FakeVersion {
      const found = version(id, name);
      if (found.state !== 'ENABLED')
        throw new Refused('FAILED_PRECONDITION', `Secret Version [${id}/${found.n}] is in ${found.state} state.`);
      return found;
    },

    listed(id: string): readonly FakeVersion[] {
      const { versions } = secret(id);
      return versions.slice(0, Math.max(0, versions.length - settings.listsLackNewest)).reverse();
    },

    change(id: string, name: string, what: 'enable' | 'disable' | 'destroy', etag: unknown): FakeVersion {
      const found = version(id, name);
      checkEtag(etag, found.etag);
      if (found.state === 'DESTROYED')
        throw new Refused('FAILED_PRECONDITION', `Secret Version [${id}/${found.n}] is in DESTROYED state.`);
      const ttl = secret(id).versionDestroyTtl;
      if (what === 'destroy' && ttl !== undefined) {
        found.state = 'DISABLED';
        found.scheduledDestroyTime = new Date(Date.now() + Number.parseInt(ttl, 10) * 1_000).toISOString();
      } else if (what === 'destroy') {
        found.state = 'DESTROYED';
        found.data = undefined;
      } else {
        found.state = what === 'enable' ? 'ENABLED' : 'DISABLED';
      }
      found.etag = newEtag();
      return found;
    },
  };
}
