import { randomBytes } from 'node:crypto';
import type { BackendPlace } from '../../inventory/targets.ts';
import type { Entry } from '../../domain/entry.ts';
import * as keyVault from '../backends/azure-key-vault-subject.ts';
import { type AwsFake, keybatonPolicy, keysWith, region, secretsOf } from '../backends/aws-secrets-manager-subject.ts';
import { type GithubFake, runIn } from '../backends/github-subject.ts';
import { documentedGrants, type GoogleFake, nameOf as googleName, project } from '../backends/google-subject.ts';
import * as cluster from '../backends/kubernetes-subject.ts';
import { documentedPolicy, rawVault, tokenWith } from '../backends/vault-kv-subject.ts';
import { tenant } from '../fakes/azure-key-vault/server.ts';
import type { FakeVersion } from '../fakes/google-secret-manager/state.ts';
import { startFake } from '../fakes/start.ts';
import { startOpenBaoServer } from '../support/openbao-server.ts';

/** A kind of backend under crashes: how targets name it, and what an outsider sees in it. */
export interface Store {
  /** Of the adapter. */
  readonly kind: string;
  /** What targets.yml calls it. */
  readonly name: string;
  /** Where its API listens: a worker reaches it by a way on which answers can be held back. */
  readonly url: string;
  /** As targets.yml would name it, reached by `url`. */
  backend(url: string): BackendPlace;
  /** The places of one credential's entry; an embedded vault of the name `vault` is there too. */
  places(label: string): Entry['backends'];
  readonly environment: Readonly<Record<string, string>>;
  /**
   * The point in the middle of each of its operations: between the effect of a write and its answer, of the write of that
   * number, counted within one operation.
   */
  readonly writes: Readonly<Record<'stage' | 'promote' | 'destroy', number>>;
  look(label: string): Promise<Look>;
  stop(): Promise<void>;
}

/** Seen at the store itself, by none of our code. */
export interface Look {
  /** What consumers get. */
  readonly shown: { readonly version: string; readonly value: string } | undefined;
  /** Versions of which there is any copy, staged ones too. */
  readonly kept: readonly string[];
}

interface Fields {
  readonly api_key: string;
  readonly keybaton_version: string;
}

const shownIn = (fields: Fields | undefined): Look['shown'] =>
  fields && { version: fields.keybaton_version, value: fields.api_key };
const parsed = (text: string): Fields => JSON.parse(text);
const idIn = (text: string): string => /kb[a-z0-9]{30}/.exec(text)?.[0] ?? text;
const oneOf = (all: readonly string[]): readonly string[] => [...new Set(all)];

/** One place, in the backend of this name. */
const alone =
  (name: string) =>
  (label: string): Entry['backends'] => [{ backend: name, path: `ai/${label}`, fields: undefined }];

export async function awsStore(): Promise<Store> {
  const kind = 'aws-secrets-manager';
  const fake: AwsFake = await startFake(kind);
  const { id, secret } = await keysWith(fake, keybatonPolicy);
  return {
    kind,
    name: kind,
    url: fake.url,
    backend: (endpoint) => ({
      kind,
      path: 'ai',
      settings: { region, endpoint, auth: { method: 'keys' }, writesPerSecond: 50, timeout: 15_000 },
      admin: 'env:STORE_AWS',
    }),
    places: alone(kind),
    environment: { STORE_AWS: JSON.stringify({ access_key_id: id, secret_access_key: secret }) },
    writes: { stage: 1, promote: 3, destroy: 2 },
    async look(label) {
      const all = (await secretsOf(fake)).filter(({ deleted }) => !deleted);
      const main = all.find(({ name }) => name === `ai/${label}`)?.versions ?? [];
      const staged = all.filter(({ name }) => name.startsWith(`keybaton-staging/ai/${label}/`));
      // AWS erases versions without labels by itself.
      const labelled = main.filter(({ stages }) => stages.length > 0);
      const current = main.find(({ stages }) => stages.includes('AWSCURRENT'));
      return {
        shown: shownIn(current && parsed(current.text)),
        kept: oneOf([
          ...labelled.map(({ text }) => parsed(text).keybaton_version),
          ...labelled.filter(({ stages }) => stages.includes('AWSPENDING')).map(() => 'AWSPENDING'),
          ...staged.map(({ name }) => idIn(name)),
        ]),
      };
    },
    stop: () => fake.stop(),
  };
}

export async function keyVaultStore(): Promise<Store> {
  const kind = 'azure-key-vault';
  const fake: keyVault.KeyVaultFake = await startFake(kind);
  const authority = keyVault.authorityFile();
  const { id, secret } = await keyVault.documentedApplication(fake);
  // Whole seconds as ever, only shorter ones: every write waits for the end of its second.
  await fake.settings({ secondLasts: 20 });
  return {
    kind,
    name: kind,
    url: fake.url,
    backend: (vaultUrl) => ({
      kind,
      path: 'ai',
      settings: {
        vaultUrl,
        authority: fake.url,
        ownDomain: true,
        caFile: authority.path,
        auth: { method: 'client-secret', tenantId: tenant, clientId: id },
        timeout: 15_000,
      },
      admin: 'env:STORE_AZURE',
    }),
    places: alone(kind),
    environment: { STORE_AZURE: secret },
    writes: { stage: 1, promote: 1, destroy: 2 },
    async look(label) {
      const all = await keyVault.secretsOf(fake);
      const of = (name: string) =>
        all.find((one) => one.name === name)?.versions.filter(({ enabled }) => enabled) ?? [];
      const main = of(keyVault.nameOf(`ai/${label}`));
      const staged = of(`keybaton-staging--${keyVault.nameOf(`ai/${label}`)}`);
      const newest = main.at(-1);
      return {
        shown: shownIn(newest && parsed(newest.value)),
        kept: oneOf([
          ...main.map(({ value }) => parsed(value).keybaton_version),
          ...staged.map(({ tags }) => tags['keybaton-version'] ?? 'a probe'),
        ]),
      };
    },
    async stop() {
      await fake.stop();
      authority.remove();
    },
  };
}

export async function googleStore(readBy: 'latest' | 'alias'): Promise<Store> {
  const kind = 'google-secret-manager';
  const fake: GoogleFake = await startFake(kind);
  const name = readBy === 'latest' ? kind : 'google-by-alias';
  const token = randomBytes(20).toString('hex');
  await fake.control('POST', '/grant', { token, allowed: documentedGrants('ai__') });
  return {
    kind,
    name,
    url: fake.url,
    backend: (endpoint) => ({
      kind,
      path: 'ai',
      settings: { project, endpoint, auth: { method: 'token' }, readBy: { what: readBy }, timeout: 15_000 },
      admin: `env:STORE_${readBy.toUpperCase()}`,
    }),
    places: alone(name),
    environment: { [`STORE_${readBy.toUpperCase()}`]: token },
    writes: { stage: 2, promote: readBy === 'alias' ? 2 : 1, destroy: 2 },
    async look(label) {
      // The control port is ours: its answers have this shape.
      const all = (await fake.control('GET', '/secrets')) as Record<string, FakeVersion[]>;
      const secret = googleName(`ai/${label}`);
      const textOf = ({ data = '' }: FakeVersion) => Buffer.from(data, 'base64').toString();
      const main = (all[secret] ?? []).filter(({ state }) => state !== 'DESTROYED');
      const staged = Object.keys(all).filter((one) => one.startsWith(`keybaton-staging__${secret}__`));
      const newest = main.at(-1);
      return {
        shown: shownIn(newest && parsed(textOf(newest))),
        kept: oneOf([...main.map((one) => parsed(textOf(one)).keybaton_version), ...staged.map(idIn)]),
      };
    },
    stop: () => fake.stop(),
  };
}

export async function kubernetesStore(): Promise<Store> {
  const kind = 'kubernetes';
  const fake: cluster.KubernetesFake = await startFake(kind);
  const authority = keyVault.authorityFile();
  const token = randomBytes(20).toString('hex');
  await fake.control('POST', '/rules', { token, allowed: cluster.documentedRules() });
  const { namespace, stagingNamespace } = cluster;
  const text = (data: string | undefined) => Buffer.from(data ?? '', 'base64').toString();
  return {
    kind,
    name: kind,
    url: fake.url,
    backend: (server) => ({
      kind,
      path: 'ai',
      settings: {
        server,
        namespace,
        stagingNamespace,
        caFile: authority.path,
        auth: { method: 'token' },
        timeout: 15_000,
      },
      admin: 'env:STORE_KUBERNETES',
    }),
    places: alone(kind),
    environment: { STORE_KUBERNETES: token },
    writes: { stage: 1, promote: 1, destroy: 1 },
    async look(label) {
      const all = Object.values(await cluster.secretsOf(fake));
      const name = cluster.nameOf(`ai/${label}`);
      const main = all.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
      const staged = all.filter(
        ({ metadata }) => metadata.namespace === stagingNamespace && metadata.name.startsWith(`${name}.`),
      );
      const version = text(main?.data['keybaton_version']);
      return {
        shown: main && { version, value: text(main.data['api_key']) },
        kept: oneOf([version, ...staged.map(({ metadata }) => idIn(metadata.name))]),
      };
    },
    async stop() {
      await fake.stop();
      authority.remove();
    },
  };
}

/** Write-only: an embedded vault stands beside it, and what that holds another test looks at. */
export async function githubStore(): Promise<Store> {
  const kind = 'github-actions';
  const fake: GithubFake = await startFake('github');
  const secretName = (label: string) => `KEY_${label.replaceAll('-', '_').toUpperCase()}`;
  return {
    kind,
    name: kind,
    url: fake.url,
    backend: (api) => ({
      kind,
      path: 'ai',
      settings: { api, owner: 'acme', repository: 'bots', auth: { method: 'token' }, timeout: 15_000 },
      admin: 'env:STORE_GITHUB',
    }),
    places: (label) => [
      ...alone('vault')(label),
      { backend: kind, path: `ai/${label}`, fields: { [secretName(label)]: '{api_key}' } },
    ],
    environment: { STORE_GITHUB: fake.adminKey },
    writes: { stage: 0, promote: 2, destroy: 0 },
    async look(label) {
      const { secrets, vars } = await runIn(fake);
      const value = secrets[secretName(label)];
      const mark = Object.entries(vars).find(([name]) => name.endsWith(`__${secretName(label).slice('KEY_'.length)}`));
      if (value === undefined || mark === undefined) return { shown: undefined, kept: [] };
      const { keybaton_version: version, begun } = JSON.parse(mark[1]);
      return { shown: { version, value }, kept: begun === true ? [version, 'begun'] : [version] };
    },
    stop: () => fake.stop(),
  };
}

export async function vaultStore(): Promise<Store> {
  const kind = 'vault-kv';
  const server = await startOpenBaoServer();
  const root = rawVault(server.url, server.rootToken);
  const token = await tokenWith(root, 'keybaton', documentedPolicy);
  return {
    kind,
    name: kind,
    url: server.url,
    backend: (address) => ({ kind, path: 'ai', settings: { address, timeout: 15_000 }, admin: 'env:STORE_VAULT' }),
    places: alone(kind),
    environment: { STORE_VAULT: token },
    writes: { stage: 1, promote: 1, destroy: 2 },
    async look(label) {
      const { body } = await root.request('GET', `secret/metadata/ai/${label}`);
      const versions: Record<string, { destroyed: boolean }> = body.data.versions;
      const main: Fields[] = [];
      for (const [n, { destroyed }] of Object.entries(versions)) {
        if (destroyed) continue;
        // A deleted one is a copy too: whoever may undelete it has the value.
        await root.request('POST', `secret/undelete/ai/${label}`, { versions: [Number(n)] });
        main.push((await root.request('GET', `secret/data/ai/${label}?version=${n}`)).body.data.data);
      }
      const staged = await root.request('LIST', `secret/metadata/keybaton-staging/ai/${label}`);
      const names: readonly string[] = staged.body?.data?.keys ?? [];
      return {
        shown: shownIn(main.at(-1)),
        kept: oneOf([...main.map(({ keybaton_version }) => keybaton_version), ...names.map(idIn)]),
      };
    },
    stop: () => server.stop(),
  };
}
