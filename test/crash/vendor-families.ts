import { createHash } from 'node:crypto';
import { accountPath } from '../../providers/azure-openai/api.ts';
import { azureOpenAi } from '../../providers/azure-openai.ts';
import { azureOpenAiSettings } from '../../providers/azure-openai/settings.ts';
import { bearer, rawClient } from '../fakes/raw-client.ts';
import { startFake } from '../fakes/start.ts';
import { callNow, targetOf } from '../providers/provider-target.ts';

/** A vendor under crashes, at its fake: what is judged there is told by the fake itself, not by an adapter's word. */
export interface VendorFamily {
  /** As targets.yml names the provider. */
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  /** One target for one credential; and beside it, where the vendor lets them be, keys of somebody else. */
  target(credential: string): Promise<{ readonly settings: unknown; readonly admin: string }>;
  /** Our keys that live, by version; `shown` is all that consumers were given. */
  live(credential: string, shown: readonly Shown[]): Promise<readonly string[]>;
  /** What of somebody else's is gone, in words. */
  othersGone(credential: string): Promise<readonly string[]>;
  /** What people do at the vendor where nobody else may. */
  readonly people?: {
    /** The value of a new key that is named by this version, to be pasted. */
    make(credential: string, version: string): Promise<string>;
    /** Deletes the key that was named so. */
    delete(version: string): Promise<void>;
  };
  stop(): Promise<void>;
}

/** A version as consumers read it. */
export interface Shown {
  readonly version: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Nothing spreads at a fake, and nothing appears late. */
const atOnce = { createSpread: 0, revokeSpread: 0, lateCreate: 0, callTimeout: 5_000 };

const versionIn = (text: string): string => /kb[a-z0-9]{30}/.exec(text)?.[0] ?? text;
/** By what consumers were given; a key that nobody was given is told as it is. */
const versionOf = (shown: readonly Shown[], isIt: (one: Shown) => boolean, otherwise: string): string =>
  shown.find(isIt)?.version ?? otherwise;
const digits = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** Dual slot: two keys of an account that nobody but this credential has; another account stands beside it. */
export async function azureFamily(): Promise<VendorFamily> {
  const fake = await startFake('azure-openai');
  const uuid = (end: string): string => `00000000-0000-4000-8000-${end}`;
  const settingsOf = (account: string, idle: readonly string[] = []) =>
    azureOpenAiSettings.parse({
      ...{ tenant: uuid('000000000001'), client: uuid('000000000002'), subscription: uuid('000000000003') },
      ...{ resourceGroup: 'rg', account, idle, managementUrl: fake.url, loginUrl: fake.url, ...atOnce },
      endpoint: `${fake.url}/data/${account}`,
    });
  const control = (verb: string, account: string): Promise<unknown> =>
    fake.control('POST', verb, { path: accountPath(settingsOf(account)) });
  const beside = new Map<string, unknown>();
  return {
    name: 'azure-openai',
    environment: { AZURE_ADMIN: fake.adminKey },
    target: async (credential) => {
      // The control port is ours: its answers have the shape written beside it.
      const { ends } = (await control('/accounts', credential)) as { ends: string[] };
      await control('/accounts', `${credential}-beside`);
      beside.set(credential, await control('/reveal', `${credential}-beside`));
      return { settings: settingsOf(credential, ends), admin: 'env:AZURE_ADMIN' };
    },
    live: async (credential, shown) => {
      const { key1, key2 } = (await control('/reveal', credential)) as { key1: string; key2: string };
      const given = [key1, key2].flatMap((value) =>
        shown.filter(({ fields }) => fields['api_key'] === value).map(({ version }) => version),
      );
      // A slot that speaks of a version and holds no value that consumers ever had is one that nobody accounts for.
      const marked = (await azureOpenAi().list(targetOf(settingsOf(credential), fake.adminKey), callNow()))
        .filter(({ tag }) => tag !== undefined)
        .map(({ tag }) => tag?.version ?? 'unmarked');
      return [...new Set([...given, ...marked])];
    },
    othersGone: async (credential) => {
      const now = await control('/reveal', `${credential}-beside`);
      return JSON.stringify(now) === JSON.stringify(beside.get(credential)) ? [] : ['the keys of another account'];
    },
    stop: () => fake.stop(),
  };
}

/** Keys without a name, two at the most: what was made is what the list did not show before. */
export async function awsFamily(): Promise<VendorFamily> {
  const fake = await startFake('aws');
  const keysOf = async (user: string) =>
    ((await fake.control('GET', '/keys')) as { user: string; id: string; live: boolean }[]).filter(
      (key) => key.live && key.user === user,
    );
  return {
    name: 'aws-iam',
    environment: {
      AWS_ADMIN: JSON.stringify({ access_key_id: 'AKIAADMINADMINADMIN1', secret_access_key: fake.adminKey }),
    },
    target: async (credential) => {
      for (const user of [credential, `${credential}-beside`]) await fake.control('POST', '/users', { user });
      await fake.control('POST', '/keys', { user: `${credential}-beside` });
      const settings = { user: credential, iamUrl: fake.url, stsUrl: fake.url, usageLag: 0, ...atOnce };
      return { settings, admin: 'env:AWS_ADMIN' };
    },
    live: async (credential, shown) =>
      (await keysOf(credential)).map(({ id }) => versionOf(shown, ({ fields }) => fields['access_key_id'] === id, id)),
    othersGone: async (credential) =>
      (await keysOf(`${credential}-beside`)).length === 1 ? [] : ['the key of another user'],
    stop: () => fake.stop(),
  };
}

/** The vendor shows a value again: a create whose answer was lost is read, not made again. */
export async function supabaseFamily(): Promise<VendorFamily> {
  const fake = await startFake('supabase');
  const ask = rawClient(fake.url, bearer(fake.adminKey));
  const project = (credential: string): string =>
    digits(credential).replace(/\d/g, (digit) => String.fromCharCode(103 + Number(digit))) + 'projects';
  const keysOf = async (credential: string) => {
    const { body } = await ask('GET', `/v1/projects/${project(credential)}/api-keys`);
    return (body as { type: string; name: string; description: string | null }[]).filter(
      ({ type }) => type !== 'legacy',
    );
  };
  return {
    name: 'supabase',
    environment: { SUPABASE_ADMIN: fake.adminKey },
    target: async (credential) => {
      await ask('POST', `/v1/projects/${project(credential)}/api-keys`, { type: 'secret', name: 'by_hand' });
      const settings = { project: project(credential), baseUrl: fake.url, projectUrl: fake.url, ...atOnce };
      return { settings, admin: 'env:SUPABASE_ADMIN' };
    },
    live: async (credential) =>
      (await keysOf(credential))
        .filter(({ name }) => name !== 'by_hand')
        .map(({ name, description }) => versionIn(description ?? name)),
    othersGone: async (credential) =>
      (await keysOf(credential)).some(({ name }) => name === 'by_hand') ? [] : ['a key that was made by hand'],
    stop: () => fake.stop(),
  };
}

/** Declared in YAML: no code knows this vendor. */
export async function fireworksFamily(): Promise<VendorFamily> {
  const fake = await startFake('declared-vendors');
  const ask = rawClient(fake.url, bearer(fake.adminKey));
  const path = (credential: string): string => `/v1/accounts/acme/users/${credential}/apiKeys`;
  const namesOf = async (credential: string): Promise<readonly string[]> => {
    const { body } = await ask('GET', `${path(credential)}?pageSize=200`);
    return (body as { apiKeys: { displayName: string }[] }).apiKeys.map(({ displayName }) => displayName);
  };
  return {
    name: 'fireworks',
    environment: { FIREWORKS_ADMIN: fake.adminKey },
    target: async (credential) => {
      await ask('POST', path(credential), { apiKey: { displayName: 'by hand' } });
      const settings = { hosts: { api: fake.url }, account: 'acme', user: credential, ...atOnce };
      return { settings, admin: 'env:FIREWORKS_ADMIN' };
    },
    live: async (credential) => (await namesOf(credential)).filter((name) => name !== 'by hand').map(versionIn),
    othersGone: async (credential) =>
      (await namesOf(credential)).includes('by hand') ? [] : ['a key that was made by hand'],
    stop: () => fake.stop(),
  };
}

/** Nobody but people make keys, and nobody but people delete them. */
export async function mistralFamily(): Promise<VendorFamily> {
  const fake = await startFake('bearer-vendors');
  const made: { readonly credential: string; readonly version: string; readonly value: string }[] = [];
  const make = async (credential: string, version: string): Promise<string> => {
    const { value } = (await fake.control('POST', '/keys', { length: 32 })) as { value: string };
    made.push({ credential, version, value });
    return value;
  };
  const works = async (value: string): Promise<boolean> =>
    (await rawClient(fake.url, bearer(value))('GET', '/v1/models')).status === 200;
  const liveOf = async (credential: string): Promise<readonly string[]> => {
    const values = made.filter((one) => one.credential === credential).map(({ value }) => value);
    const alive = await Promise.all(values.map(works));
    return values.filter((_value, index) => alive[index]);
  };
  return {
    name: 'mistral',
    environment: { MISTRAL_CONTROL: fake.adminKey },
    target: async (credential) => {
      await make(`${credential}-beside`, 'none');
      const { lateCreate: _none, ...settings } = { baseUrl: fake.url, ...atOnce };
      return { settings, admin: 'env:MISTRAL_CONTROL' };
    },
    live: async (credential, shown) =>
      (await liveOf(credential)).map((value) =>
        versionOf(shown, ({ fields }) => fields['api_key'] === value, 'a key that consumers never had'),
      ),
    othersGone: async (credential) =>
      (await liveOf(`${credential}-beside`)).length === 1 ? [] : ['a key of somebody else'],
    people: {
      make,
      async delete(version) {
        for (const { value } of made.filter((one) => one.version === version))
          await fake.control('POST', '/delete', { value });
      },
    },
    stop: () => fake.stop(),
  };
}
