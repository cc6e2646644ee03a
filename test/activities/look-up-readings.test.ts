import { appendFileSync, renameSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Backend } from '../../backends/backend.ts';
import { lookUpReadings } from '../../activities/look-up-readings.ts';
import { missingEvidence } from '../../domain/gate.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import type { BackendPlace } from '../../inventory/targets.ts';
import { openReadings } from '../../worker/readings.ts';
import { needs } from '../support/needs.ts';
import { type OpenBaoServer, startOpenBaoServer } from '../support/openbao-server.ts';
import { backendWith, type RawVault, rawVault } from '../backends/vault-kv-subject.ts';
import { credential, openWorld, type World } from '../control/http-api/world.ts';

const isThere = needs('openbao');
const path = 'ai/dev/providers/in-memory/keys/app';
let bao: OpenBaoServer;
let root: RawVault;
let backend: Backend;
let logins: Record<string, { readonly roleId: string; readonly secretId: string }>;
let world: World;

beforeAll(async () => {
  if (!isThere) return;
  bao = await startOpenBaoServer();
  root = rawVault(bao.url, bao.rootToken);
  await root.request('PUT', 'sys/policies/acl/all', {
    policy: 'path "secret/*" { capabilities = ["read","list","create","update","delete"] }',
  });
  await root.request('POST', 'sys/auth/approle', { type: 'approle' });
  logins = {};
  for (const role of ['keybaton', 'web', 'batch']) {
    await root.request('POST', `auth/approle/role/${role}`, { token_policies: 'all' });
    const roleId: string = (await root.request('GET', `auth/approle/role/${role}/role-id`)).body.data.role_id;
    const made = await root.request('POST', `auth/approle/role/${role}/secret-id`, {});
    logins[role] = { roleId, secretId: made.body.data.secret_id };
  }
  const own = logins['keybaton'] ?? { roleId: '', secretId: '' };
  backend = backendWith(bao.url, own.secretId, { auth: { method: 'approle', roleId: own.roleId } });
});
afterAll(async () => {
  if (isThere) await bao.stop();
});
beforeEach(async () => {
  world = await openWorld(['web', 'batch']);
  const consumer = {
    kind: 'service',
    demand: 'observed-read',
    deadline: 1,
    without: 'hold',
    probe: undefined,
  } as const;
  const consumers = ['web', 'batch'].map((name) => ({ ...consumer, name, reader: `role:${name}` }));
  const backends = [{ backend: 'vault', path, fields: undefined }];
  const entries = (await world.ledger.inventory()).entries.map((entry) => ({ ...entry, consumers, backends }));
  await world.ledger.applyInventory({ teams: ['ml'], entries, targets: {}, actor: 'os:test' });
});
afterEach(async () => {
  await world.close();
  await root.request('DELETE', `secret/metadata/${path}`);
});

const call = () => ({ signal: AbortSignal.timeout(10_000), deadline: Date.now() + 10_000, now: () => Date.now() });

/** Decided in the ledger, and what consumers read in Vault. */
async function rotate(expected?: VersionId): Promise<{ readonly version: VersionId; readonly epoch: number }> {
  const { version, epoch } = await world.rotate();
  const material = new SecretMaterial({ api_key: `canary-reading-${version}` }, 'api_key');
  await backend.stage({ credential, path }, { version, ref: { id: version }, material }, call());
  await backend.promote({ credential, path }, { version, epoch, expected }, call());
  return { version, epoch };
}

async function readAs(role: string, query = ''): Promise<void> {
  const { roleId, secretId } = logins[role] ?? {};
  const body = { role_id: roleId, secret_id: secretId };
  const token: string = (await root.request('POST', 'auth/approle/login', body)).body.auth.client_token;
  expect((await rawVault(bao.url, token).request('GET', `secret/data/${path}${query}`)).status).toBe(200);
}

const place = (settings: object = { auditFile: bao.auditFile }): BackendPlace => ({
  kind: 'vault-kv',
  settings: { address: bao.url, ...settings },
  path: 'ai',
});
const looking = (settings?: object) => {
  const readings = openReadings(async () => place(settings));
  return async () =>
    lookUpReadings(
      { ledger: world.ledger, readings },
      await world.ledger.facts(credential),
      AbortSignal.timeout(10_000),
    );
};
const missing = async () =>
  missingEvidence(await world.ledger.evidence(credential), await world.ledger.clock()).map(({ consumer }) => consumer);

test('a reading of the new version by each identity is its evidence, with when and from where', async () => {
  const look = looking();
  await rotate();
  expect(await look()).toEqual([]);
  expect(await missing()).toEqual(['batch', 'web']);
  await readAs('web');
  expect(await look()).toEqual([]);
  expect(await missing()).toEqual(['batch']);
  await readAs('batch');
  await look();
  expect(await missing()).toEqual([]);
  const recorded = await world.ledger.history({ credential, limit: 1_000 });
  expect(JSON.stringify(recorded)).toMatch(/read by approle, role web, entity [0-9a-f-]+ at 20.* from 127\.0\.0\.1/);
  await look();
  expect(await world.ledger.history({ credential, limit: 1_000 })).toHaveLength(recorded.length);
});

test('a reading of the old version after the promotion is none, by its number or before', async () => {
  const first = await rotate();
  await readAs('web');
  await rotate(first.version);
  await readAs('batch', '?version=1');
  const look = looking();
  await look();
  expect(await missing()).toEqual(['batch', 'web']);
  await readAs('web');
  await look();
  expect(await missing()).toEqual(['batch']);
});

test("keybaton's own readings are nobody's evidence, whatever an inventory calls its consumer", async () => {
  const entries = (await world.ledger.inventory()).entries.map((entry) => ({
    ...entry,
    consumers: 'none' in entry.consumers ? [] : entry.consumers.map((one) => ({ ...one, reader: 'role:keybaton' })),
  }));
  await world.ledger.applyInventory({ teams: ['ml'], entries, targets: {}, actor: 'os:test' });
  await rotate();
  await backend.read({ credential, path }, 'current', call());
  await looking()();
  expect(await missing()).toEqual(['batch', 'web']);
});

test('a rotation of the file between two looks loses nothing: the server goes on in the old one until it is told', async () => {
  const look = looking();
  await rotate();
  await look();
  renameSync(bao.auditFile, `${bao.auditFile}.1`);
  await readAs('web');
  const pid = bao.process.pid;
  if (pid === undefined) throw new Error('the server has no process');
  process.kill(pid, 'SIGHUP');
  await expect
    .poll(
      async () => {
        await readAs('batch');
        await look();
        return missing();
      },
      { timeout: 15_000 },
    )
    .toEqual([]);
});

test('without a file that can be read the consumers stay unproved, and it is told why', async () => {
  await rotate();
  await readAs('web');
  expect(await looking({})()).toEqual([expect.stringContaining('name no auditFile')]);
  expect(await looking({ auditFile: '/nowhere/audit.log' })()).toEqual([expect.stringContaining('/nowhere/audit.log')]);
  expect(await missing()).toEqual(['batch', 'web']);
});

test('a line that names the path and is no JSON proves nothing', async () => {
  const { version } = await rotate();
  appendFileSync(
    bao.auditFile,
    `{"type":"response","request":{"operation":"read","path":"secret/data/${path}"},"keybaton_version":"${version}"\n`,
  );
  expect(await looking()()).toEqual([]);
  expect(await missing()).toEqual(['batch', 'web']);
});
