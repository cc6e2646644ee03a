import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { embeddedBackend, openEmbedded } from '../../backends/embedded.ts';
import { createReadMain } from '../../backends/embedded/read-main.ts';
import { parseCredentialId, versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keybaton-main-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** What consumers read of a login that is stored with these fields. */
async function readBack(fields: Readonly<Record<string, string>> | undefined) {
  const key = randomBytes(32);
  const vault = openEmbedded({ file: join(folder, 'vault.sqlite') }, { key: () => key });
  try {
    const backend = embeddedBackend('embedded', vault);
    const place = {
      credential: parseCredentialId('postgres-roles/dev/orders'),
      path: 'ai/dev/orders',
      ...(fields && { fields }),
    };
    const call = { signal: AbortSignal.timeout(5_000), deadline: Date.now() + 5_000, now: () => Date.now() };
    const version = versionIdFrom(randomBytes(64));
    const material = new SecretMaterial({ username: 'orders_a', password: 'canary/p@ss word' }, 'password');
    await backend.stage(place, { version, ref: { id: 'orders_a' }, material }, call);
    await backend.promote(place, { version, epoch: 1, expected: undefined }, call);
    const read = createReadMain(vault)(place.path, 'current').fields;
    return { name: read.valueFieldName(), value: read.revealValue(), names: read.fieldNames() };
  } finally {
    vault.close();
  }
}

test('the field that is the value is named, whatever its place among the fields', async () => {
  expect(await readBack(undefined)).toEqual({
    name: 'password',
    value: 'canary/p@ss word',
    names: ['username', 'password'],
  });
});

test('a mapped field that is the value alone is named by its own name', async () => {
  const fields = { PGUSER: '{username}', PGPASSWORD: '{password}' };
  expect(await readBack(fields)).toMatchObject({ name: 'PGPASSWORD', value: 'canary/p@ss word' });
});

test('where every mapped field holds more than the value, it stands beside them, so that it can be proved', async () => {
  const fields = { DATABASE_URL: 'postgres://{username}:{password|url}@db/app' };
  expect(await readBack(fields)).toEqual({
    name: 'keybaton_value',
    value: 'canary/p@ss word',
    names: ['DATABASE_URL', 'keybaton_value'],
  });
});
