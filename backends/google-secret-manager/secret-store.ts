import { KeybatonError } from '../../domain/errors.ts';
import type { BackendCall } from '../backend.ts';
import { crc32c } from './crc32c.ts';
import type { Answered, GoogleCalls } from './google-client.ts';
import type { GoogleSettings } from './settings.ts';
import { googleTrouble } from './trouble.ts';

/** One secret, without its versions. */
export interface Secret {
  readonly etag: string;
  readonly aliases: Readonly<Record<string, number>>;
  /** It, or what is destroyed in it, ends at a time of its own. */
  readonly expires: boolean;
  readonly destroysLate: boolean;
}

/** A version by its number: `closed` is there and cannot be read (disabled or destroyed). */
export type Access =
  { readonly kind: 'found'; readonly text: string } | { readonly kind: 'closed' } | { readonly kind: 'absent' };

export interface SecretVersion {
  readonly n: number;
  readonly state: 'enabled' | 'disabled' | 'destroyed';
}

/** The calls we need, by the short names of secrets. Every error is a KeybatonError, and only what is absent is absent. */
export interface SecretStore {
  find(secret: string, call: BackendCall): Promise<Secret | undefined>;
  /** There already is success. */
  create(secret: string, labels: Readonly<Record<string, string>>, call: BackendCall): Promise<void>;
  /** The number it got; undefined when there is no such secret. */
  add(secret: string, text: string, call: BackendCall): Promise<number | undefined>;
  /** By number, which alone is strongly consistent. */
  access(secret: string, n: number, call: BackendCall): Promise<Access>;
  versions(secret: string, call: BackendCall): Promise<readonly SecretVersion[]>;
  change(what: 'enable' | 'disable' | 'destroy', secret: string, n: number, call: BackendCall): Promise<void>;
  /** Compare-and-set by etag. `moved`: somebody has changed the secret since. */
  pointAlias(secret: string, seen: Secret, alias: string, n: number, call: BackendCall): Promise<'moved' | 'done'>;
  /** Erases it with all its versions, for good. Already gone is success. */
  erase(secret: string, call: BackendCall): Promise<void>;
  labelled(key: string, value: string, call: BackendCall): Promise<readonly string[]>;
}

export function secretStore(
  { project, location, locations }: Pick<GoogleSettings, 'project' | 'location' | 'locations'>,
  calls: GoogleCalls,
): SecretStore {
  const parent = location === undefined ? `projects/${project}` : `projects/${project}/locations/${location}`;
  const at = (secret: string) => `${parent}/secrets/${secret}`;
  const atVersion = (secret: string, n: number) => `${at(secret)}/versions/${String(n)}`;
  const pageSize = 250;

  const read = <Message>(call: BackendCall, what: string, request: Parameters<typeof calls.ask<Message>>[2]) =>
    calls.ask(call, { what, writes: false }, request);
  const write = <Message>(call: BackendCall, what: string, request: Parameters<typeof calls.ask<Message>>[2]) =>
    calls.ask(call, { what, writes: true }, request);

  return {
    async find(secret, call) {
      const what = `read secret ${secret}`;
      const found = await read(call, what, async (google) => (await google.getSecret({ name: at(secret) }, plain))[0]);
      if (isAbsent(found)) return undefined;
      const { etag, versionAliases, expireTime, ttl, versionDestroyTtl } = answer(found, what);
      const aliases = Object.entries(versionAliases ?? {}).map(([alias, n]) => [alias, Number(n)] as const);
      return {
        etag: etag ?? '',
        aliases: Object.fromEntries(aliases),
        expires: isSet(expireTime) || isSet(ttl),
        destroysLate: isSet(versionDestroyTtl),
      };
    },

    async create(secret, labels, call) {
      const what = `make secret ${secret}`;
      // A regional secret lies where its endpoint is, and says nothing of replication.
      const replication =
        location !== undefined
          ? {}
          : {
              replication:
                locations === undefined
                  ? { automatic: {} }
                  : { userManaged: { replicas: locations.map((one) => ({ location: one })) } },
            };
      const made = await write(call, what, (google) =>
        google.createSecret({ parent, secretId: secret, secret: { ...replication, labels } }, plain),
      );
      if (made.kind === 'refused' && made.refusal.word !== 'ALREADY_EXISTS')
        throw googleTrouble(made.refusal, what, true);
    },

    async add(secret, text, call) {
      const what = `add a version to secret ${secret}`;
      const data = Buffer.from(text, 'utf8');
      const added = await write(call, what, (google) =>
        google
          .addSecretVersion({ parent: at(secret), payload: { data, dataCrc32c: crc32c(data) } }, plain)
          .then(([version]) => version),
      );
      return isAbsent(added) ? undefined : numberOf(answer(added, what, true).name, what);
    },

    async access(secret, n, call) {
      const what = `read version ${String(n)} of secret ${secret}`;
      const found = await read(call, what, (google) =>
        google.accessSecretVersion({ name: atVersion(secret, n) }, plain).then(([version]) => version),
      );
      if (isAbsent(found)) return { kind: 'absent' };
      if (found.kind === 'refused' && found.refusal.word === 'FAILED_PRECONDITION') return { kind: 'closed' };
      const { payload } = answer(found, what);
      const data = Buffer.from(payload?.data ?? '');
      // proto3 leaves out what is zero, and older servers the whole checksum.
      const sum = payload?.dataCrc32c;
      if (isSet(sum) && Number(sum) !== crc32c(data)) {
        throw new KeybatonError('UNAVAILABLE', `${what}: the payload was damaged on its way`);
      }
      return { kind: 'found', text: data.toString('utf8') };
    },

    async versions(secret, call) {
      const what = `list versions of secret ${secret}`;
      const listed = await pages(async (pageToken) => {
        const page = { parent: at(secret), pageSize, pageToken };
        const one = await read(call, what, async (google) => {
          const [versions, , whole] = await google.listSecretVersions(page, { ...plain, autoPaginate: false });
          return { items: versions, next: whole.nextPageToken };
        });
        return isAbsent(one) ? { items: [], next: undefined } : answer(one, what);
      });
      return listed.map(({ name, state }) => ({ n: numberOf(name, what), state: stateOf(state) }));
    },

    async change(what, secret, n, call) {
      const said = `${what} version ${String(n)} of secret ${secret}`;
      const changed = await write(call, said, async (google) => {
        const name = { name: atVersion(secret, n) };
        if (what === 'enable') return (await google.enableSecretVersion(name, plain))[0];
        if (what === 'disable') return (await google.disableSecretVersion(name, plain))[0];
        return (await google.destroySecretVersion(name, plain))[0];
      });
      if (isAbsent(changed)) return;
      // Destroyed already: whoever was quicker has done the same.
      if (what === 'destroy' && changed.kind === 'refused' && changed.refusal.word === 'FAILED_PRECONDITION') return;
      const { state } = answer(changed, said, true);
      if (what === 'destroy' && stateOf(state) !== 'destroyed') {
        throw new KeybatonError(
          'UNSUPPORTED',
          `secret ${secret} keeps destroyed versions for a time (version_destroy_ttl): take that off, and version ${String(n)} with it`,
        );
      }
    },

    async pointAlias(secret, seen, alias, n, call) {
      const what = `point alias ${alias} of secret ${secret}`;
      const changed = await write(call, what, (google) =>
        google.updateSecret(
          {
            secret: { name: at(secret), etag: seen.etag, versionAliases: { ...seen.aliases, [alias]: n } },
            updateMask: { paths: ['version_aliases'] },
          },
          plain,
        ),
      );
      if (changed.kind === 'answer') return 'done';
      if (['ABORTED', 'FAILED_PRECONDITION', 'NOT_FOUND'].includes(changed.refusal.word)) return 'moved';
      throw googleTrouble(changed.refusal, what, true);
    },

    async erase(secret, call) {
      const what = `erase secret ${secret}`;
      const gone = await write(call, what, (google) => google.deleteSecret({ name: at(secret) }, plain));
      if (gone.kind === 'refused' && gone.refusal.word !== 'NOT_FOUND') throw googleTrouble(gone.refusal, what, true);
    },

    async labelled(key, value, call) {
      const what = `list secrets with label ${key}`;
      const listed = await pages(async (pageToken) => {
        const page = { parent, pageSize, pageToken, filter: `labels.${key}=${value}` };
        const one = await read(call, what, async (google) => {
          const [secrets, , whole] = await google.listSecrets(page, { ...plain, autoPaginate: false });
          return { items: secrets, next: whole.nextPageToken };
        });
        return answer(one, what);
      });
      // A server that knows no filter gives all.
      return listed.filter(({ labels }) => labels?.[key] === value).map(({ name }) => name?.split('/').at(-1) ?? '');
    },
  };
}

/** Every page of a list. */
async function pages<Item>(
  ask: (pageToken: string) => Promise<{ readonly items: readonly Item[]; readonly next?: string | null | undefined }>,
): Promise<readonly Item[]> {
  const found: Item[] = [];
  for (let token = ''; ;) {
    const { items, next } = await ask(token);
    found.push(...items);
    if (!next) return found;
    token = next;
  }
}

/** No retry of the client's own: the order of attempts is the workflow's. */
const plain = { retry: { retryCodes: [] } };

const isSet = (field: unknown): boolean => field !== undefined && field !== null;

function isAbsent(answered: Answered<unknown>): boolean {
  return answered.kind === 'refused' && answered.refusal.word === 'NOT_FOUND';
}

function answer<Message>(answered: Answered<Message>, what: string, writes = false): Message {
  if (answered.kind === 'answer') return answered.message;
  throw googleTrouble(answered.refusal, what, writes);
}

function numberOf(name: string | null | undefined, what: string): number {
  const n = Number(name?.split('/').at(-1));
  if (Number.isSafeInteger(n) && n > 0) return n;
  throw new KeybatonError('UNAVAILABLE', `the answer to ${what} names no version`);
}

/** Names or numbers, as the other side likes. */
function stateOf(state: unknown): SecretVersion['state'] {
  if (state === 'ENABLED' || state === 1) return 'enabled';
  return state === 'DESTROYED' || state === 3 ? 'destroyed' : 'disabled';
}
