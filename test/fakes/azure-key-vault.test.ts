import { randomUUID } from 'node:crypto';
import type { SecretClient } from '@azure/keyvault-secrets';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type KeyVaultFake, rawKeyVault } from '../backends/azure-key-vault-subject.ts';
import { startFake } from './start.ts';

const all = ['getSecret/action', 'setSecret/action', 'update/action', 'readMetadata/action', 'delete'].map(
  (one) => `Microsoft.KeyVault/vaults/secrets/${one}`,
);

/** The official client alone: what the fake does must be what the pages of Azure say, whoever asks. */
describe('the fake of Azure Key Vault', () => {
  let fake: KeyVaultFake;
  let client: SecretClient;
  let name: string;
  beforeAll(async () => {
    fake = await startFake('azure-key-vault');
    client = await rawKeyVault(fake, all);
  });
  afterAll(() => fake.stop());
  beforeEach(() => {
    name = `app-${randomUUID()}`;
  });
  afterEach(() => fake.reset());

  const idOf = async (text: string) => (await client.setSecret(name, text)).properties.version ?? '';
  const refused = (statusCode: number, sent: Promise<unknown>) => expect(sent).rejects.toMatchObject({ statusCode });

  it('makes every set a new version, which is current at once, and keeps the old ones by their ids', async () => {
    const first = await idOf('first');
    await idOf('first');
    await idOf('third');
    expect((await client.getSecret(name)).value).toBe('third');
    expect((await client.getSecret(name, { version: first })).value).toBe('first');
    expect((await client.getSecret(name.toUpperCase())).value).toBe('third');
  });

  it('tells the time of a version in whole seconds', async () => {
    const { properties } = await client.setSecret(name, 'first');
    expect((properties.createdOn?.getTime() ?? 1) % 1_000).toBe(0);
  });

  it('shows nobody a disabled version, and no older one in its place', async () => {
    await idOf('first');
    const second = await idOf('second');
    await client.updateSecretProperties(name, second, { enabled: false });
    await expect(client.getSecret(name)).rejects.toMatchObject({
      statusCode: 403,
      details: { error: { innerError: { code: 'SecretDisabled' } } },
    });
    await client.updateSecretProperties(name, second, { enabled: true });
    expect((await client.getSecret(name)).value).toBe('second');
  });

  it('lists versions with tags and without values, page by page', async () => {
    await fake.settings({ pageSize: 1 });
    await client.setSecret(name, 'first', { tags: { owner: 'payments' } });
    await client.setSecret(name, 'second');
    const listed: unknown[] = [];
    for await (const { tags, version } of client.listPropertiesOfSecretVersions(name))
      listed.push([tags?.['owner'], version]);
    expect(listed.length).toBe(2);
    expect(listed.flat()).toContain('payments');
  });

  it('keeps the name of a deleted secret', async () => {
    await idOf('first');
    await fake.control('POST', '/delete', { name });
    await refused(404, client.getSecret(name));
    await refused(409, client.setSecret(name, 'second'));
  });

  it('challenges whoever comes without a token, refuses what a role does not allow, and an unknown api-version', async () => {
    await idOf('first');
    const consumer = await rawKeyVault(fake, all.slice(0, 1), [name]);
    expect((await consumer.getSecret(name)).value).toBe('first');
    await refused(403, consumer.setSecret(name, 'mine'));
    await refused(403, consumer.getSecret('keybaton-staging'));
    const { requests } = await fake.activity();
    expect(requests.map(({ operation }) => operation)).toContain('challenge');
    await fake.control('DELETE', '/tokens');
    await refused(401, consumer.getSecret(name));
    client = await rawKeyVault(fake, all);
  });

  it('refuses more than 15 tags and more than 25 KB', async () => {
    const tags = Object.fromEntries(Array.from({ length: 16 }, (_none, index) => [`t${String(index)}`, 'x']));
    await refused(400, client.setSecret(name, 'first', { tags }));
    await refused(400, client.setSecret(name, 'x'.repeat(25_601)));
  });
});
