/**
 * Sign-in, resource manager and the endpoint of the accounts, at one address. The endpoint of an account is `/data/NAME`.
 * Pages: those of `state.ts`, and https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow,
 * https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations (errors), read 2026-11.
 */
import { randomBytes } from 'node:crypto';
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import type { VendorOptions } from '../main.ts';
import { azureDefaults, azureState, type Account, type AzureOpenAiSettings } from './state.ts';

const resource =
  /^(\/subscriptions\/[^/]+\/resourceGroups\/[^/]+\/providers\/Microsoft\.CognitiveServices\/accounts\/([^/]+))(\/.+)?$/;

export function azureOpenAiVendor({ adminKey, onValue }: VendorOptions): Vendor<AzureOpenAiSettings> {
  const settings = azureDefaults();
  let lastValue: string | undefined;
  const state = azureState(settings, (value) => {
    lastValue = value;
    onValue(value);
  });
  const tokens = new Set<string>();

  const signIn = ({ body }: FakeRequest): FakeAnswer => {
    const form = Object(body) as Record<string, string>;
    if (form['grant_type'] !== 'client_credentials' || form['scope'] !== 'https://management.azure.com/.default')
      return { status: 400, body: { error: 'invalid_request', error_description: 'AADSTS900144' } };
    if (form['client_secret'] !== adminKey)
      return { status: 401, body: { error: 'invalid_client', error_description: 'AADSTS7000215' } };
    const token = `eyJ0eXAi.${randomBytes(24).toString('base64url')}`;
    tokens.add(token);
    return { status: 200, body: { token_type: 'Bearer', expires_in: 3_599, access_token: token } };
  };

  const models = (request: FakeRequest, name: string): FakeAnswer => {
    const account = [...state.accounts.values()].find(({ path }) => path.endsWith(`/${name}`));
    const key = request.headers['api-key'];
    if (settings.firewall) return failure(403, '403', 'Access denied due to Virtual Network/Firewall rules.');
    if (account?.disableLocalAuth === true)
      return failure(403, 'AuthenticationTypeDisabled', 'Key based authentication is disabled for this resource.');
    if (account === undefined || typeof key !== 'string' || !state.accepts(account, key))
      return failure(401, '401', 'Access denied due to invalid subscription key or wrong API endpoint.');
    return { status: 200, body: { object: 'list', data: [{ object: 'model', id: 'gpt-4o' }] } };
  };

  const show = ({ path, disableLocalAuth, tags }: Account) => ({
    id: path,
    name: path.split('/').at(-1),
    type: 'Microsoft.CognitiveServices/accounts',
    kind: 'OpenAI',
    location: 'swedencentral',
    tags,
    properties: { provisioningState: 'Succeeded', disableLocalAuth },
  });
  const tagsOf = ({ tags }: Account) => ({ name: 'default', type: 'Microsoft.Resources/tags', properties: { tags } });

  /** `METHOD suffix` of a resource, its name as an operation, and the only version of the API it is asked with. */
  const verbs: Readonly<Record<string, readonly [string, string, (account: Account, body: unknown) => unknown]>> = {
    'GET ': ['get', '2025-09-01', show],
    'PATCH ': [
      'update',
      '2025-09-01',
      (account, body) => {
        const { properties } = Object(body) as { properties?: { disableLocalAuth?: boolean } };
        account.disableLocalAuth = properties?.disableLocalAuth ?? account.disableLocalAuth;
        return show(account);
      },
    ],
    'POST /listKeys': ['list', '2025-09-01', (account) => state.keys(account)],
    'POST /regenerateKey': [
      'regenerate',
      '2025-09-01',
      (account, body) => {
        const { keyName } = Object(body) as { keyName?: unknown };
        if (keyName !== 'Key1' && keyName !== 'Key2')
          return failure(400, 'InvalidKeyName', 'keyName must be Key1 or Key2');
        state.regenerate(account, keyName);
        return state.keys(account);
      },
    ],
    'GET /providers/Microsoft.Resources/tags/default': ['tags', '2021-04-01', tagsOf],
    'PATCH /providers/Microsoft.Resources/tags/default': [
      'set-tag',
      '2021-04-01',
      (account, body) => {
        const { operation, properties } = Object(body) as {
          operation?: string;
          properties?: { tags?: Record<string, string> };
        };
        const tags = properties?.tags ?? {};
        if (operation !== 'Merge' || Object.values(tags).some((value) => value.length > 256))
          return failure(400, 'InvalidTagContent', 'a tag has at most 256 characters');
        Object.assign(account.tags, tags);
        return tagsOf(account);
      },
    ],
  };

  const operation = (request: FakeRequest): Operation => {
    const { method, path, query, headers, body } = request;
    if (method === 'POST' && /^\/[0-9a-f-]{36}\/oauth2\/v2\.0\/token$/.test(path))
      return { name: 'sign-in', perform: () => signIn(request) };
    const data = /^\/data\/([^/]+)\/openai\/models$/.exec(path)?.[1];
    if (method === 'GET' && data !== undefined) return { name: 'models', perform: () => models(request, data) };
    const [, id = '', , suffix = ''] = resource.exec(path) ?? [];
    const verb = verbs[`${method} ${suffix}`];
    if (verb === undefined) return { name: 'unknown', perform: () => failure(404, 'InvalidResourceType', 'no such') };
    const [name, version, act] = verb;
    return {
      name,
      limitedBy: id,
      perform: () => {
        if (!tokens.has(headers.authorization?.replace(/^Bearer /, '') ?? ''))
          return failure(401, 'InvalidAuthenticationToken', 'The access token is invalid.');
        if (query.get('api-version') !== version)
          return failure(400, 'InvalidApiVersionParameter', 'The api-version is invalid.');
        const account = state.accounts.get(id);
        if (account === undefined) return failure(404, 'ResourceNotFound', 'The resource was not found.');
        const answer = act(account, body);
        return isAnswer(answer) ? answer : { status: 200, body: answer };
      },
    };
  };

  return {
    settings,
    operation,
    failure: (status, message) => failure(status, 'Fault', message),
    lastValue: () => lastValue,
    control: {
      // What a person does in the portal; the ends of the values are what a portal shows when it hides them.
      'POST /accounts': (body) => {
        const { path } = Object(body) as { path: string };
        const { key1, key2 } = state.keys(state.create(path));
        return { ends: [key1.slice(-8), key2.slice(-8)] };
      },
      'POST /reveal': (body) => state.keys(accountOf(body)),
      'POST /regenerate': (body) => {
        const { slot } = Object(body) as { slot: 'Key1' | 'Key2' };
        state.regenerate(accountOf(body), slot);
        return {};
      },
      'POST /untag': (body) => {
        const { tags } = accountOf(body);
        for (const name of Object.keys(tags)) delete tags[name];
        return {};
      },
      'POST /account': (body) => show(accountOf(body)),
    },
  };

  function accountOf(body: unknown): Account {
    const { path } = Object(body) as { path: string };
    const account = state.accounts.get(path);
    if (account === undefined) throw new Error('no such account');
    return account;
  }
}

const isAnswer = (answer: unknown): answer is FakeAnswer =>
  typeof answer === 'object' && answer !== null && 'status' in answer;

const failure = (status: number, code: string, message: string): FakeAnswer => ({
  status,
  body: { error: { code, message } },
});
