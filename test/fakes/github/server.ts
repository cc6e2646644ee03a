/**
 * Secrets and variables of GitHub Actions: https://docs.github.com/en/rest/actions/secrets, .../rest/actions/variables,
 * .../rest/guides/encrypting-secrets-for-the-rest-api, .../rest/apps/apps#create-an-installation-access-token-for-an-app,
 * .../apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app,
 * .../rest/using-the-rest-api/rate-limits-for-the-rest-api, read 2026-11. What one may not see is 404; nobody reads a secret.
 */
import { createVerify } from 'node:crypto';
import sodium from 'libsodium-wrappers';
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import type { VendorOptions } from '../main.ts';

export interface GithubFakeSettings {
  repository: string;
  environments: readonly string[];
  /** Of the app with id `42` and installation 7. */
  appKey: string | null;
  /** Seconds that an installation's token lives: an hour by the page. */
  tokenLife: number;
  /** Every call of an installation's or person's token is answered as the second kind of rate limit. */
  slowDown: boolean;
}

/** Rights of a fine-grained token. */
export interface Rights {
  readonly secrets?: 'read' | 'write';
  readonly variables?: 'read' | 'write';
}

interface Shelf {
  readonly secrets: Map<string, string>;
  readonly variables: Map<string, string>;
}

export function githubVendor({ adminKey, onValue }: VendorOptions): Vendor<GithubFakeSettings> {
  const settings: GithubFakeSettings = {
    repository: 'acme/bots',
    environments: ['production'],
    appKey: null,
    tokenLife: 3_600,
    slowDown: false,
  };
  const shelves = new Map<string, Shelf>();
  const tokens = new Map<string, { rights: Rights; until: number }>();
  const all: Rights = { secrets: 'write', variables: 'write' };
  let pair = sodium.crypto_box_keypair();
  let keyId = 568_250_167_242_549_743n;
  let given = 0;
  let last: string | undefined;

  const said = (status: number, body: unknown = {}): FakeAnswer => ({ status, body });
  const no = (status: number, message: string): FakeAnswer => ({
    status,
    body: { message, documentation_url: 'https://docs.github.com/rest', status: String(status) },
  });
  const shelfOf = (scope: string): Shelf => {
    const found = shelves.get(scope) ?? { secrets: new Map<string, string>(), variables: new Map<string, string>() };
    shelves.set(scope, found);
    return found;
  };

  function rightsOf({ headers }: FakeRequest): Rights | undefined {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    if (token === adminKey) return all;
    const found = tokens.get(token);
    return found !== undefined && found.until > Date.now() ? found.rights : undefined;
  }

  /** An app proves itself by a token that it signed with its key, at most ten minutes long. */
  function appSigned({ headers }: FakeRequest): boolean {
    const [head = '', body = '', signature = ''] = (headers.authorization ?? '').replace('Bearer ', '').split('.');
    if (settings.appKey === null || signature === '') return false;
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as { iat: number; exp: number; iss: string };
    const now = Date.now() / 1_000;
    const fresh = claims.iat <= now && claims.exp > now && claims.exp - claims.iat <= 600 && claims.iss === '42';
    return (
      fresh && createVerify('RSA-SHA256').update(`${head}.${body}`).verify(settings.appKey, signature, 'base64url')
    );
  }

  function putSecret({ secrets }: Shelf, name: string, request: FakeRequest): FakeAnswer {
    const { encrypted_value = '', key_id } = Object(request.body) as { encrypted_value?: string; key_id?: string };
    if (!/^(?!GITHUB_)[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return no(422, 'Invalid name');
    if (key_id !== String(keyId)) return no(422, 'Bad request - the key_id does not match the public key');
    let value: string;
    try {
      const box = Buffer.from(encrypted_value, 'base64');
      value = Buffer.from(sodium.crypto_box_seal_open(box, pair.publicKey, pair.privateKey)).toString('utf8');
    } catch {
      return no(422, 'improperly encrypted secret');
    }
    if (value.length > 49_152) return no(422, 'Secret value is too long');
    last = value;
    onValue(value);
    const there = secrets.has(name.toUpperCase());
    if (!there && secrets.size >= 100) return no(422, 'too many secrets');
    secrets.set(name.toUpperCase(), value);
    return there ? said(204) : said(201);
  }

  function ofSecret(shelf: Shelf, name: string, request: FakeRequest): FakeAnswer {
    if (name === 'public-key' && request.method === 'GET')
      return said(200, { key_id: String(keyId), key: Buffer.from(pair.publicKey).toString('base64') });
    if (request.method === 'PUT') return putSecret(shelf, name, request);
    const there = shelf.secrets.has(name.toUpperCase());
    if (!there) return no(404, 'Not Found');
    const at = '2026-11-01T00:00:00Z';
    if (request.method === 'GET') return said(200, { name: name.toUpperCase(), created_at: at, updated_at: at });
    shelf.secrets.delete(name.toUpperCase());
    return said(204);
  }

  function ofVariable({ variables }: Shelf, name: string | undefined, { method, body }: FakeRequest): FakeAnswer {
    const { name: wanted = '', value = '' } = Object(body) as { name?: string; value?: string };
    if (name === undefined) {
      if (!/^(?!GITHUB_)[A-Za-z_][A-Za-z0-9_]*$/.test(wanted)) return no(422, 'Invalid name');
      if (variables.has(wanted.toUpperCase())) return no(409, 'Already exists - Variable already exists');
      variables.set(wanted.toUpperCase(), value);
      return said(201);
    }
    const key = name.toUpperCase();
    const there = variables.get(key);
    if (there === undefined) return no(404, 'Not Found');
    if (method === 'GET') return said(200, { name: key, value: there });
    if (method === 'PATCH') variables.set(key, value);
    else variables.delete(key);
    return said(204);
  }

  function perform(request: FakeRequest, kind: string, scope: string, name: string | undefined): FakeAnswer {
    const rights = rightsOf(request);
    if (rights === undefined) return no(401, 'Bad credentials');
    if (settings.slowDown) return no(403, 'You have exceeded a secondary rate limit. Please wait a few minutes.');
    const right = kind === 'secrets' ? rights.secrets : rights.variables;
    if (right === undefined || (right === 'read' && request.method !== 'GET'))
      return no(403, 'Resource not accessible by personal access token');
    const [repository = '', environment] = scope.split('#');
    if (repository !== settings.repository) return no(404, 'Not Found');
    if (environment !== undefined && !settings.environments.includes(environment)) return no(404, 'Not Found');
    const shelf = shelfOf(scope);
    return kind === 'secrets' ? ofSecret(shelf, name ?? '', request) : ofVariable(shelf, name, request);
  }

  return {
    settings,
    operation: (request): Operation => {
      if (request.method === 'POST' && request.path === '/app/installations/7/access_tokens') {
        const give = (): FakeAnswer => {
          if (!appSigned(request)) return no(401, 'A JSON web token could not be decoded');
          const token = `ghs_installation_${String((given += 1))}`;
          const until = Date.now() + settings.tokenLife * 1_000;
          tokens.set(token, { rights: all, until });
          return said(201, { token, expires_at: new Date(until).toISOString() });
        };
        return { name: 'accessToken', perform: give };
      }
      const [, owner, repository, environment, kind, name] =
        /^\/repos\/([^/]+)\/([^/]+)\/(?:actions|environments\/([^/]+))\/(secrets|variables)(?:\/([^/]+))?$/.exec(
          request.path,
        ) ?? [];
      if (kind === undefined) return { name: 'unknown', perform: () => no(404, 'Not Found') };
      const scope = `${owner ?? ''}/${repository ?? ''}${environment === undefined ? '' : `#${decodeURIComponent(environment)}`}`;
      return { name: `${request.method} ${kind}`, perform: () => perform(request, kind, scope, name) };
    },
    failure: (status, message) => no(status, message),
    control: {
      /** What a workflow run is given. */
      'GET /run': () =>
        Object.fromEntries(
          [...shelves].map(([scope, { secrets, variables }]) => [
            scope,
            { secrets: Object.fromEntries(secrets), vars: Object.fromEntries(variables) },
          ]),
        ),
      'POST /write': (body) => {
        const { scope, fields } = body as { scope: string; fields: Record<string, string> };
        for (const [name, value] of Object.entries(fields)) shelfOf(scope).secrets.set(name, value);
        return {};
      },
      'POST /empty': () => {
        shelves.clear();
        return {};
      },
      'POST /rotate-key': () => {
        pair = sodium.crypto_box_keypair();
        keyId += 1n;
        return {};
      },
      'POST /rights': (body) => {
        const { token, rights } = body as { token: string; rights: Rights };
        tokens.set(token, { rights, until: Number.POSITIVE_INFINITY });
        return {};
      },
      'POST /end-tokens': () => {
        tokens.clear();
        return {};
      },
    },
    lastValue: () => last,
  };
}
