/**
 * Google Secret Manager's REST API (https://docs.cloud.google.com/secret-manager/docs/reference/rest, read 2026-11) over the
 * state beside it. Who may do what is policed by the permission that the page of each method names, and by the name of the
 * secret, as IAM Conditions can: https://docs.cloud.google.com/secret-manager/docs/access-control.
 */
import { crc32c } from '../../../backends/google-secret-manager/crc32c.ts';
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import type { VendorOptions } from '../main.ts';
import {
  type FakeSecret,
  type FakeVersion,
  googleDefaults,
  type GoogleSecretManagerSettings,
  googleState,
  Refused,
  statusOf,
} from './state.ts';

/** What one token may do: these permissions, on secrets whose names begin so. */
export interface Grant {
  readonly permissions: readonly string[];
  readonly prefix: string;
}

type Given = Readonly<Record<string, unknown>>;

export function googleSecretManagerVendor({ adminKey, onValue }: VendorOptions): Vendor<GoogleSecretManagerSettings> {
  const settings = googleDefaults();
  const state = googleState(settings);
  const grants = new Map<string, readonly Grant[]>();
  let last: string | undefined;

  const said = (body: unknown): FakeAnswer => ({ status: 200, body });
  const no = (word: string, message: string): FakeAnswer => {
    const status = statusOf[word] ?? 500;
    return { status, body: { error: { code: status, message, status: word, details: [] } } };
  };
  const root = () => `projects/${settings.project}/secrets`;
  const shownSecret = ({ id, versions: _versions, ...rest }: FakeSecret) => ({ name: `${root()}/${id}`, ...rest });
  const shownVersion = (id: string, { n, data: _data, ...rest }: FakeVersion) => ({
    name: `${root()}/${id}/versions/${String(n)}`,
    ...rest,
  });

  /** A missing permission and a missing secret look alike to whoever may not see it. */
  function allow({ headers }: FakeRequest, permission: string, secret: string): void {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    if (token === adminKey) return;
    const given = grants.get(token);
    if (given === undefined) throw new Refused('UNAUTHENTICATED', 'Request had invalid authentication credentials.');
    const may = given.some(
      ({ permissions, prefix }) => permissions.includes(permission) && (prefix === '' || secret.startsWith(prefix)),
    );
    if (!may)
      throw new Refused('PERMISSION_DENIED', `Permission '${permission}' denied on resource (or it may not exist).`);
  }

  function page<Item>(items: readonly Item[], { query }: FakeRequest): { items: readonly Item[]; next: object } {
    const size = Math.min(Number(query.get('pageSize') ?? 0) || 25_000, 25_000);
    const start = Number(query.get('pageToken') ?? 0);
    const next = start + size < items.length ? { nextPageToken: String(start + size) } : {};
    return { items: items.slice(start, start + size), next };
  }

  function addVersion(id: string, body: Given): FakeAnswer {
    const { data = '', dataCrc32c } = Object(body['payload']) as { data?: string; dataCrc32c?: unknown };
    const bytes = Buffer.from(data, 'base64');
    if (dataCrc32c !== undefined && Number(dataCrc32c) !== crc32c(bytes))
      throw new Refused('INVALID_ARGUMENT', 'the payload does not have the checksum given');
    last = bytes.toString('utf8');
    onValue(last);
    return said({
      ...shownVersion(id, state.add(id, data)),
      clientSpecifiedPayloadChecksum: dataCrc32c !== undefined,
    });
  }

  const name = (request: FakeRequest): { name: string; answer: () => FakeAnswer } => {
    const body = Object(request.body) as Given;
    const [, project, id = '', versionName, verb] =
      /^\/v1\/projects\/([^/]+)\/secrets(?:\/([^/:]+)(?:\/versions(?:\/([^/:]+))?)?)?(?::(\w+))?$/.exec(request.path) ??
      [];
    const ofVersions = /\/versions(\/|$)/.test(request.path);
    if (project === undefined) return { name: 'unknown', answer: () => no('NOT_FOUND', 'no such method') };
    const guarded = (operation: string, permission: string, answer: () => FakeAnswer) => ({
      name: operation,
      answer: () => {
        if (project !== settings.project) return no('PERMISSION_DENIED', 'no such project, or no permission for it');
        // Listing and making happen in the project: a condition on the name of a secret cannot speak of them.
        allow(request, permission, operation === 'listSecrets' || operation === 'createSecret' ? '' : id);
        return answer();
      },
    });
    switch (
      `${request.method} ${ofVersions ? (versionName === undefined ? 'versions' : 'version') : id === '' ? 'secrets' : 'secret'}${verb === undefined ? '' : `:${verb}`}`
    ) {
      case 'POST secrets':
        return guarded('createSecret', 'secretmanager.secrets.create', () =>
          said(shownSecret(state.create(request.query.get('secretId') ?? '', body))),
        );
      case 'GET secrets':
        return guarded('listSecrets', 'secretmanager.secrets.list', () => {
          const [, key, value] = /^labels\.([a-z-]+)=(\S+)$/.exec(request.query.get('filter') ?? '') ?? [];
          const all = [...state.secrets.values()].filter(({ labels }) => key === undefined || labels[key] === value);
          const { items, next } = page(all, request);
          return said({ secrets: items.map(shownSecret), ...next });
        });
      case 'GET secret':
        return guarded('getSecret', 'secretmanager.secrets.get', () => said(shownSecret(state.secret(id))));
      case 'PATCH secret':
        return guarded('updateSecret', 'secretmanager.secrets.update', () =>
          said(shownSecret(state.update(id, body, (request.query.get('updateMask') ?? '').split(',')))),
        );
      case 'DELETE secret':
        return guarded('deleteSecret', 'secretmanager.secrets.delete', () => {
          state.erase(id, request.query.get('etag') ?? undefined);
          return said({});
        });
      case 'POST secret:addVersion':
        return guarded('addSecretVersion', 'secretmanager.versions.add', () => addVersion(id, body));
      case 'GET versions':
        return guarded('listSecretVersions', 'secretmanager.versions.list', () => {
          const { items, next } = page(state.listed(id), request);
          return said({ versions: items.map((one) => shownVersion(id, one)), ...next });
        });
      case 'GET version':
        return guarded('getSecretVersion', 'secretmanager.versions.get', () =>
          said(shownVersion(id, state.version(id, versionName ?? ''))),
        );
      case 'GET version:access':
        return guarded('accessSecretVersion', 'secretmanager.versions.access', () => {
          const { n, data = '' } = state.access(id, versionName ?? '');
          const dataCrc32c = String(crc32c(Buffer.from(data, 'base64')));
          return said({ name: `${root()}/${id}/versions/${String(n)}`, payload: { data, dataCrc32c } });
        });
      case 'POST version:enable':
      case 'POST version:disable':
      case 'POST version:destroy':
        return guarded(`${verb}SecretVersion`, `secretmanager.versions.${verb}`, () =>
          // The route admits these three verbs alone.
          said(shownVersion(id, state.change(id, versionName ?? '', verb as 'enable', body['etag']))),
        );
      default:
        return { name: 'unknown', answer: () => no('NOT_FOUND', 'no such method') };
    }
  };

  return {
    settings,
    operation: (request): Operation => {
      const { name: operation, answer } = name(request);
      return {
        name: operation,
        perform: () => {
          try {
            return answer();
          } catch (thrown) {
            if (thrown instanceof Refused) return no(thrown.word, thrown.message);
            throw thrown;
          }
        },
      };
    },
    failure: (status, message) =>
      no(Object.entries(statusOf).find(([, one]) => one === status)?.[0] ?? 'INTERNAL', message),
    control: {
      'GET /secrets': () => Object.fromEntries([...state.secrets].map(([id, { versions }]) => [id, versions])),
      'POST /grant': (body) => {
        const { token, allowed } = body as { token: string; allowed: readonly Grant[] };
        grants.set(token, allowed);
        return {};
      },
      /** Somebody with another tool reads, changes and writes in one go; `alias` is moved to what was written. */
      'POST /write': (body) => {
        const { secret, fields, alias } = body as { secret: string; fields: object; alias?: string };
        if (!state.secrets.has(secret)) state.create(secret, { replication: { automatic: {} } });
        const found = state.secret(secret);
        const n = alias === undefined ? found.versions.length : Number(found.versionAliases[alias] ?? 0);
        const data = found.versions.find((one) => one.n === n)?.data;
        const before = data === undefined ? {} : (JSON.parse(Buffer.from(data, 'base64').toString('utf8')) as object);
        const made = state.add(secret, Buffer.from(JSON.stringify({ ...before, ...fields })).toString('base64'));
        if (alias !== undefined) {
          const versionAliases = { ...found.versionAliases, [alias]: made.n };
          state.update(secret, { versionAliases }, ['version_aliases']);
        }
        return {};
      },
    },
    lastValue: () => last,
  };
}
