// How a worker without a secret of its own signs in: https://learn.microsoft.com/en-us/azure/aks/workload-identity-overview,
// https://learn.microsoft.com/en-us/azure/app-service/overview-managed-identity#connect-to-azure-services-in-app-code,
// https://learn.microsoft.com/en-us/cli/azure/account#az-account-get-access-token, read 2026-11.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { azureKeyVaultBackend } from '../../backends/azure-key-vault.ts';
import { azureKeyVaultSettings } from '../../backends/azure-key-vault/settings.ts';
import { shown } from '../../conformance/backend/bench.ts';
import { versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import { temporaryFolder, type TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { tenant } from '../fakes/azure-key-vault/server.ts';
import { startFake } from '../fakes/start.ts';
import { authorityFile, type KeyVaultFake, placeAt } from './azure-key-vault-subject.ts';

const actions = ['getSecret', 'setSecret', 'readMetadata', 'update'].map(
  (one) => `Microsoft.KeyVault/vaults/secrets/${one}/action`,
);
const authority = authorityFile();
let fake: KeyVaultFake;
let folder: TemporaryFolder;
beforeAll(async () => {
  fake = await startFake('azure-key-vault');
  await fake.settings({ secondLasts: 2 });
});
afterAll(async () => {
  await fake.stop();
  authority.remove();
});
beforeEach(() => {
  folder = temporaryFolder('azure-sign-in');
  for (const name of [
    'AZURE_FEDERATED_TOKEN_FILE',
    'AZURE_CLIENT_ID',
    'AZURE_TENANT_ID',
    'IDENTITY_ENDPOINT',
    'IDENTITY_HEADER',
    'MSI_ENDPOINT',
  ])
    vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  folder.remove();
});

const backendBy = (auth: object) =>
  azureKeyVaultBackend(
    azureKeyVaultSettings.parse({
      vaultUrl: fake.url,
      authority: fake.url,
      ownDomain: true,
      caFile: authority.path,
      auth,
    }),
    { name: 'azure', admin: () => Promise.reject(new Error('there is no admin secret')) },
  );
const call = () => ({ signal: new AbortController().signal, deadline: Date.now() + 60_000, now: () => Date.now() });
const place = () => placeAt(`ai/prod/${randomBytes(6).toString('hex')}`);
function make() {
  const material = new SecretMaterial({ api_key: `canary-azure-${randomBytes(8).toString('hex')}` }, 'api_key');
  return { version: versionIdFrom(randomBytes(64)), ref: { id: 'key-1' }, material };
}
async function stages(auth: object): Promise<void> {
  const backend = backendBy(auth);
  const at = place();
  const made = make();
  await backend.stage(at, made, call());
  expect((await backend.describe(at, call())).staged).toEqual([made.version]);
}
const issued = async (): Promise<string> =>
  ((await fake.control('POST', '/tokens', { actions })) as { readonly token: string }).token;
const trouble = (auth: object): Promise<unknown> =>
  backendBy(auth)
    .stage(place(), make(), call())
    .then(
      () => 'staged',
      (error: unknown) => error,
    );

/** As the webhook of workload identity sets it in a pod. */
async function pod(token: string): Promise<void> {
  await fake.control('POST', '/applications', { id: 'pod', federatedToken: 'canary-pod-token', rights: { actions } });
  writeFileSync(join(folder.path, 'token'), token);
  vi.stubEnv('AZURE_FEDERATED_TOKEN_FILE', join(folder.path, 'token'));
  vi.stubEnv('AZURE_TENANT_ID', tenant);
  vi.stubEnv('AZURE_CLIENT_ID', 'pod');
}

it('signs in by the federated token of its pod', async () => {
  await pod('canary-pod-token');
  await stages({ method: 'workload' });
});

it('a federated token that Entra refuses is ACCESS_DENIED, without the token', async () => {
  await pod('canary-another-token');
  const thrown = await trouble({ method: 'workload' });
  expect(thrown).toMatchObject({ code: 'ACCESS_DENIED' });
  expect(shown(thrown)).not.toContain('canary');
});

it('signs in by the managed identity of its host, as the one that the settings name', async () => {
  const asked: (string | null)[] = [];
  const token = await issued();
  const host = createServer((incoming, outgoing) => {
    asked.push(new URL(incoming.url ?? '', 'http://host').searchParams.get('client_id'));
    outgoing.writeHead(200, { 'content-type': 'application/json' });
    const expires_on = String(Math.floor(Date.now() / 1_000) + 3_600);
    outgoing.end(
      JSON.stringify({ access_token: token, expires_on, resource: 'https://vault.azure.net', token_type: 'Bearer' }),
    );
  });
  host.listen(0, '127.0.0.1');
  await once(host, 'listening');
  const address = host.address();
  try {
    vi.stubEnv(
      'IDENTITY_ENDPOINT',
      `http://127.0.0.1:${String(address !== null && typeof address === 'object' && address.port)}/msi/token`,
    );
    vi.stubEnv('IDENTITY_HEADER', 'canary-header');
    await stages({ method: 'workload', clientId: 'assigned' });
    expect(new Set(asked)).toEqual(new Set(['assigned']));
  } finally {
    host.closeAllConnections();
    await new Promise((done) => host.close(done));
  }
});

it('a host whose managed identity cannot be reached leaves no write in doubt', async () => {
  vi.stubEnv('IDENTITY_ENDPOINT', `http://127.0.0.1:${String(await freePort())}/msi/token`);
  vi.stubEnv('IDENTITY_HEADER', 'canary-header');
  const thrown = await trouble({ method: 'workload' });
  expect(thrown).toMatchObject({ code: 'UNAVAILABLE' });
  expect(shown(thrown)).not.toContain('canary');
});

/** The Azure CLI of a person, found by PATH. */
function az(script: string): void {
  const bin = join(folder.path, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'az'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  vi.stubEnv('PATH', `${bin}:/usr/bin:/bin`);
}

it('signs in as whoever is signed in with az, and asks it for a token of Key Vault alone', async () => {
  const answer = {
    accessToken: await issued(),
    expires_on: Math.floor(Date.now() / 1_000) + 3_600,
    tokenType: 'Bearer',
  };
  az(
    `echo "$*" > '${join(folder.path, 'asked')}'\ncase "$*" in *vault.azure.net*) echo '${JSON.stringify(answer)}';; *) exit 1;; esac`,
  );
  await stages({ method: 'cli' });
});

it('where nobody is signed in with az it says so, and what to do', async () => {
  az(`echo "Please run 'az login' to setup account. canary-cli" >&2; exit 1`);
  const thrown = await trouble({ method: 'cli' });
  expect(thrown).toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('az login') });
  expect(shown(thrown)).not.toContain('canary');
});
