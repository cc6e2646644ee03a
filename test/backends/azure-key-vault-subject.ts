import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SecretClient } from '@azure/keyvault-secrets';
import { azureKeyVaultBackend } from '../../backends/azure-key-vault.ts';
import { azureKeyVaultSettings } from '../../backends/azure-key-vault/settings.ts';
import type { Backend, Place } from '../../backends/backend.ts';
import { holdsValue } from '../../backends/fields.ts';
import type { BackendSubject } from '../../conformance/backend-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { tenant } from '../fakes/azure-key-vault/server.ts';
import type { KeyVaultSettings, Version } from '../fakes/azure-key-vault/state.ts';
import type { RunningFake } from '../fakes/start.ts';
import { certificate } from '../outbound/self-signed.ts';
import { answerLosingProxy } from './answer-losing-proxy.ts';

export type KeyVaultFake = RunningFake<KeyVaultSettings>;

/** The role that the documentation tells people to make. */
const documentedRole: { readonly DataActions: readonly string[] } = JSON.parse(
  /```json\n([\s\S]*?)```/.exec(
    readFileSync(new URL('../../docs/backends/azure-key-vault.md', import.meta.url), 'utf8'),
  )?.[1] ?? '{}',
);
/** What the built-in role Key Vault Secrets User may do. */
const secretsUser = [
  'Microsoft.KeyVault/vaults/secrets/getSecret/action',
  'Microsoft.KeyVault/vaults/secrets/readMetadata/action',
];

export interface Application {
  readonly id: string;
  readonly secret: string;
}

/** An application with the documented role alone. */
export async function documentedApplication(fake: KeyVaultFake): Promise<Application> {
  const application = { id: 'keybaton', secret: randomBytes(20).toString('hex') };
  await fake.control('POST', '/applications', { ...application, rights: { actions: documentedRole.DataActions } });
  return application;
}

/** The authority that vouches for the fake, in a file as settings name it. */
export function authorityFile(): { readonly path: string; readonly remove: () => void } {
  const folder = temporaryFolder('key-vault');
  const path = join(folder.path, 'ca.pem');
  writeFileSync(path, certificate);
  return { path, remove: () => folder.remove() };
}

export const placeAt = (path: string): Place => ({ credential: parseCredentialId('openai/prod/support-bot'), path });
export const nameOf = (path: string) => path.replaceAll('/', '--');

/** `authority`: the fake signs in too; a proxy in front of it only passes the vault's calls. */
export function backendWith(
  vaultUrl: string,
  authority: string,
  caFile: string,
  { id, secret }: Application,
  more: object = {},
) {
  const auth = { method: 'client-secret', tenantId: tenant, clientId: id };
  const settings = azureKeyVaultSettings.parse({ vaultUrl, authority, ownDomain: true, caFile, auth, ...more });
  return azureKeyVaultBackend(settings, {
    name: 'azure',
    admin: async () => new SecretMaterial({ secret }, 'secret'),
  });
}

export interface StoredSecret {
  readonly name: string;
  readonly versions: readonly Version[];
}

/** What the fake's control port answers has the shape written there. */
export const secretsOf = async (fake: KeyVaultFake) =>
  (await fake.control('GET', '/secrets')) as readonly StoredSecret[];

/** The official client without any of our code, with a token for these rights. */
export async function rawKeyVault(fake: KeyVaultFake, actions: readonly string[], secrets?: readonly string[]) {
  const rights = { actions, ...(secrets && { secrets }) };
  const { token } = (await fake.control('POST', '/tokens', rights)) as { token: string };
  const credential = { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
  return new SecretClient(fake.url, credential, {
    disableChallengeResourceVerification: true,
    retryOptions: { maxRetries: 0 },
    tlsOptions: { ca: certificate },
  });
}

/** One vault, and a place of its own for every test. */
export function keyVaultSubject(fake: () => KeyVaultFake, caFile: () => string, admin: () => Application) {
  // Shared, as a worker does: signing in anew for every test takes longer than the test.
  let shared: Backend | undefined;
  return async (): Promise<BackendSubject> => {
    const { url } = fake();
    const place = placeAt(`ai/prod/${randomBytes(6).toString('hex')}/keys/support-bot`);
    const closing: (() => Promise<void>)[] = [];
    const staging = (path: string) => `keybaton-staging--${nameOf(path)}`;

    async function consumerOf(path: string) {
      const client = await rawKeyVault(fake(), secretsUser, [nameOf(path)]);
      return async (name: string, version?: string): Promise<string | undefined> => {
        try {
          return (await client.getSecret(name, version === undefined ? {} : { version })).value;
        } catch (thrown) {
          const status: unknown = thrown instanceof Error && 'statusCode' in thrown ? thrown.statusCode : undefined;
          if (status === 404 || status === 403) return undefined;
          throw thrown;
        }
      };
    }

    return {
      backend: (shared ??= backendWith(url, url, caFile(), admin())),
      place,
      async consumerReads(path) {
        const text = await (await consumerOf(path))(nameOf(path));
        return text === undefined ? undefined : JSON.parse(text);
      },
      async consumerFinds(path, text) {
        const get = await consumerOf(path);
        // A thief who knows every name and every version.
        for (const { name, versions } of await secretsOf(fake())) {
          if (!name.includes(nameOf(path))) continue;
          for (const version of versions) {
            const read = await get(name, version.id);
            if (read !== undefined && holdsValue(JSON.parse(read), text)) return true;
          }
        }
        return false;
      },
      writeByHand: async (path, fields) =>
        void (await fake().control('POST', '/by-hand', { name: nameOf(path), fields })),
      async copies(path, _version, value) {
        const mine = (await secretsOf(fake())).filter(({ name }) => [nameOf(path), staging(path)].includes(name));
        // Disabled is as far as Key Vault can destroy one version.
        const kept = mine.flatMap(({ versions }) => versions.filter(({ enabled }) => enabled));
        return kept.filter((one) => holdsValue(JSON.parse(one.value), value)).length;
      },
      async losingNextAnswer() {
        const proxy = await answerLosingProxy(
          url,
          ({ method, headers }) => method !== 'GET' && headers.authorization !== undefined,
        );
        closing.push(proxy.close);
        return { backend: backendWith(proxy.url, url, caFile(), admin()), lost: proxy.lost };
      },
      unreachable: async () => backendWith(`https://localhost:${String(await freePort())}`, url, caFile(), admin()),
      denied: async () => backendWith(url, url, caFile(), { id: admin().id, secret: 'no-such-secret' }),
      close: async () => {
        for (const one of closing) await one();
      },
    };
  };
}
