/**
 * Azure Key Vault's secrets, and the sign-in that its challenge sends clients to, on one https address.
 * Pages: https://learn.microsoft.com/en-us/rest/api/keyvault/secrets/operation-groups and
 * https://learn.microsoft.com/en-us/azure/key-vault/general/authentication-requests-and-responses, read 2026-11.
 */
import { z } from 'zod';
import { certificate, privateKey } from '../../outbound/self-signed.ts';
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import type { VendorOptions } from '../main.ts';
import { entra, resource, type Rights } from './entra.ts';
import { isRefusal, keyVaultDefaults, type KeyVaultSettings, keyVaultState, type Version } from './state.ts';

export const tenant = '11111111-2222-3333-4444-555555555555';

const tags = z
  .record(z.string().min(1).max(512), z.string().max(512))
  .refine((record) => Object.keys(record).length <= 15);
const attributes = z.strictObject({
  enabled: z.boolean().optional(),
  nbf: z.number().optional(),
  exp: z.number().optional(),
});
const contentType = z.string().max(255);
const setShape = z.strictObject({
  value: z.string().max(25_600),
  contentType: contentType.optional(),
  attributes: attributes.optional(),
  tags: tags.optional(),
});
const updateShape = setShape.omit({ value: true });

const prefix = 'Microsoft.KeyVault/vaults/secrets';
const actions: Readonly<Record<string, string>> = {
  get: `${prefix}/getSecret/action`,
  set: `${prefix}/setSecret/action`,
  update: `${prefix}/update/action`,
  versions: `${prefix}/readMetadata/action`,
  delete: `${prefix}/delete`,
};

const routes: readonly (readonly [name: string, method: string, path: RegExp])[] = [
  ['set', 'PUT', /^\/secrets\/([0-9a-zA-Z-]{1,127})$/],
  ['versions', 'GET', /^\/secrets\/([0-9a-zA-Z-]{1,127})\/versions$/],
  ['get', 'GET', /^\/secrets\/([0-9a-zA-Z-]{1,127})(?:\/([0-9a-f]{32})?)?$/],
  ['update', 'PATCH', /^\/secrets\/([0-9a-zA-Z-]{1,127})\/([0-9a-f]{32})$/],
  ['delete', 'DELETE', /^\/secrets\/([0-9a-zA-Z-]{1,127})$/],
];

const servedVersions = ['7.4', '7.5', '7.6', '2025-07-01', '2026-04-01'];

export function azureKeyVaultVendor({ adminKey, onValue }: VendorOptions): Vendor<KeyVaultSettings> {
  const settings = keyVaultDefaults();
  const state = keyVaultState(settings);
  const signIn = entra();
  signIn.applications.set('owner', {
    secret: adminKey,
    federatedToken: undefined,
    rights: { actions: Object.values(actions), secrets: undefined },
  });
  let lastValue: string | undefined;

  const shown = (host: string, name: string, version: Version) => ({
    id: `https://${host}/secrets/${name}/${version.id}`,
    attributes: {
      enabled: version.enabled,
      created: version.created,
      updated: version.updated,
      recoveryLevel: 'Recoverable+Purgeable',
      recoverableDays: 90,
    },
    ...(version.contentType !== undefined && { contentType: version.contentType }),
    tags: version.tags,
  });

  function perform(name: string, request: FakeRequest, secret: string, id: string | undefined): unknown {
    const host = request.headers.host ?? '';
    switch (name) {
      case 'set': {
        const { value, contentType, attributes, tags = {} } = setShape.parse(request.body);
        lastValue = value;
        onValue(value);
        const made = state.set(secret, { value, contentType, tags, enabled: attributes?.enabled ?? true });
        return { ...shown(host, secret, made), value };
      }
      case 'get': {
        const version = state.get(secret, id);
        return { ...shown(host, secret, version), value: version.value };
      }
      case 'update': {
        const { contentType, attributes, tags } = updateShape.parse(request.body);
        const changed = state.update(secret, id ?? '', {
          ...(contentType !== undefined && { contentType }),
          ...(tags !== undefined && { tags }),
          ...(attributes?.enabled !== undefined && { enabled: attributes.enabled }),
        });
        return shown(host, secret, changed);
      }
      case 'versions': {
        const begin = Number(request.query.get('$skiptoken') ?? '0');
        const size = Math.min(settings.pageSize, Number(request.query.get('maxresults') ?? '25'));
        const every = state.versions(secret);
        const next = `https://${host}${request.path}?api-version=${request.query.get('api-version')}&$skiptoken=${begin + size}`;
        return {
          value: every.slice(begin, begin + size).map((one) => shown(host, secret, one)),
          nextLink: begin + size < every.length ? next : null,
        };
      }
      default: {
        state.remove(secret);
        return { recoveryId: `https://${host}/deletedsecrets/${secret}` };
      }
    }
  }

  const allows = (rights: Rights, name: string, secret: string) =>
    rights.actions.includes(actions[name] ?? '') && (rights.secrets === undefined || rights.secrets.includes(secret));

  /** `Date` in the vault's own seconds. */
  const dated = (answer: FakeAnswer): FakeAnswer => ({
    ...answer,
    headers: { date: new Date(state.now()).toUTCString(), ...answer.headers },
  });

  function operation(request: FakeRequest): Operation {
    if (request.path === `/${tenant}/oauth2/v2.0/token`) {
      return { name: 'token', perform: () => signIn.token(request.body) };
    }
    if (request.path === `/${tenant}/v2.0/.well-known/openid-configuration`) {
      return { name: 'discovery', perform: () => ({ status: 200, body: discovery(request.headers.host ?? '') }) };
    }
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    const challenge = () => {
      const authorization = `https://${request.headers.host ?? ''}/${tenant}`;
      const headers = { 'www-authenticate': `Bearer authorization="${authorization}", resource="${resource}"` };
      return dated({ ...failure(401, 'Unauthorized'), headers });
    };
    // A value sent without a token is a fault of the client, which no vendor would tell.
    if (token === undefined && request.text !== '') {
      return { name: 'exposed', perform: () => failure(400, 'BodyWithoutToken') };
    }
    if (token === undefined) return { name: 'challenge', perform: challenge };
    for (const [name, method, path] of routes) {
      const match = request.method === method ? path.exec(request.path) : null;
      if (!match) continue;
      const [, secret = '', id] = match;
      return {
        name,
        limitedBy: name === 'set' ? 'set' : 'other',
        perform: () => {
          const rights = signIn.rightsOf(token);
          if (rights === undefined) return challenge();
          if (!servedVersions.includes(request.query.get('api-version') ?? '')) return failure(400, 'BadParameter');
          if (!allows(rights, name, secret.toLowerCase())) return dated(failure(403, 'Forbidden', 'ForbiddenByRbac'));
          try {
            return dated({ status: 200, body: perform(name, request, secret, id) });
          } catch (error) {
            if (isRefusal(error)) return dated(failure(error.refusal.status, error.refusal.code, error.refusal.inner));
            if (error instanceof z.ZodError) return failure(400, 'BadParameter');
            throw error;
          }
        },
      };
    }
    return { name: 'unknown', perform: () => failure(400, 'BadParameter') };
  }

  return {
    settings,
    tls: { key: privateKey, cert: certificate },
    operation,
    failure: (status) =>
      failure(status, status === 429 ? 'Throttled' : status === 401 ? 'Unauthorized' : 'InternalServerError'),
    lastValue: () => lastValue,
    control: {
      'GET /secrets': () => state.all(),
      /** An application with these rights alone. */
      'POST /applications': (body) => {
        const { id, ...application } = z
          .strictObject({
            id: z.string(),
            secret: z.string().optional(),
            federatedToken: z.string().optional(),
            rights: rightsShape,
          })
          .parse(body);
        signIn.applications.set(id, { secret: undefined, federatedToken: undefined, ...application });
        return {};
      },
      'POST /tokens': (body) => ({ token: signIn.issue(rightsShape.parse(body)) }),
      'DELETE /tokens': () => (signIn.revokeAll(), {}),
      /** A person in the portal: fields set in one step, or the whole text. A new version made there has no tags by itself. */
      'POST /by-hand': (body) => {
        const { name, fields, text, tags } = byHandShape.parse(body);
        if (text === undefined) state.merge(name, fields ?? {}, tags);
        else state.set(name, { value: text, contentType: undefined, tags, enabled: true });
        return {};
      },
      'POST /disable': (body) => {
        const { name, id } = z.strictObject({ name: z.string(), id: z.string() }).parse(body);
        state.update(name, id, { enabled: false });
        return {};
      },
      'POST /delete': (body) => (state.remove(z.strictObject({ name: z.string() }).parse(body).name), {}),
    },
  };
}

const byHandShape = z.strictObject({
  name: z.string(),
  fields: z.record(z.string(), z.string()).optional(),
  text: z.string().optional(),
  tags: z.record(z.string(), z.string()).default({}),
});

const rightsShape = z
  .strictObject({ actions: z.array(z.string()), secrets: z.array(z.string()).optional() })
  .transform(({ actions, secrets }) => ({ actions, secrets }));

const discovery = (host: string) => ({
  issuer: `https://${host}/${tenant}/v2.0`,
  authorization_endpoint: `https://${host}/${tenant}/oauth2/v2.0/authorize`,
  token_endpoint: `https://${host}/${tenant}/oauth2/v2.0/token`,
  jwks_uri: `https://${host}/${tenant}/discovery/v2.0/keys`,
});

const failure = (status: number, code: string, inner?: string): FakeAnswer => ({
  status,
  body: { error: { code, message: `refused: ${code}`, ...(inner !== undefined && { innererror: { code: inner } }) } },
});
