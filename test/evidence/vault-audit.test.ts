import { afterAll, beforeAll, expect, test } from 'vitest';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vaultKvBackend } from '../../backends/vault-kv.ts';
import { vaultKvSettings } from '../../backends/vault-kv/settings.ts';
import { parseCredentialId, parseVersionId, type VersionId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import type { TrailVersion } from '../../evidence/access-trail.ts';
import { readVaultAudit } from '../../evidence/vault-audit.ts';
import { startOpenBaoServer, type OpenBaoServer } from '../support/openbao-server.ts';

const credential = parseCredentialId('openai/prod/support-bot');
const first = parseVersionId(`kb${'a'.repeat(30)}`);
const second = parseVersionId(`kb${'b'.repeat(30)}`);
const path = 'ai/prod/providers/openai/keys/support-bot';
const trail = { mount: 'secret', stagingPrefix: 'keybaton-staging', namespace: undefined };

let bao: OpenBaoServer;
let folder: string;
/** When each version was decided, by this machine's clock, as the ledger has it. */
const epochs: { version: VersionId; from: number }[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keybaton-audit-'));
  bao = await startOpenBaoServer();
  await call('sys/policies/acl/all', { policy: 'path "*" { capabilities = ["read","list","create","update"] }' });
  await call('sys/auth/approle', { type: 'approle' });
  for (const role of ['keybaton', 'web']) await call(`auth/approle/role/${role}`, { token_policies: 'all' });
  const backend = vaultKvBackend(vaultKvSettings.parse({ address: bao.url }), {
    name: 'vault',
    // keybaton's own identity is an AppRole; consumers have another.
    admin: async () => new SecretMaterial({ value: await login('keybaton') }, 'value'),
  });
  const place = { credential, path };
  const by = () => ({ signal: AbortSignal.timeout(30_000), deadline: Date.now() + 30_000, now: () => Date.now() });
  const web = await login('web');
  for (const [n, version] of [first, second].entries()) {
    const material = new SecretMaterial({ api_key: `value-of-${version}` }, 'api_key');
    await backend.stage(place, { version, ref: { id: `key-${n}` }, material }, by());
    epochs.push({ version, from: Date.now() });
    await backend.promote(place, { version, epoch: n + 1, expected: n === 0 ? undefined : first }, by());
    await read(`secret/data/${path}`, web);
    // Two decisions are never nearer to each other than the tolerance for the store's clock.
    if (n === 0) await new Promise((resolve) => setTimeout(resolve, 2_100));
  }
  await read(`secret/data/${path}?version=1`, bao.rootToken);
  await read(`secret/data/${trail.stagingPrefix}/${path}/${first}`, web);
  await read(`secret/data/${path}-of-another`, web);
}, 60_000);
afterAll(async () => {
  await bao?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function call(
  at: string,
  body?: object,
  token = bao.rootToken,
): Promise<{ auth?: { client_token: string }; data?: Record<string, string> }> {
  const answer = await fetch(`${bao.url}/v1/${at}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'x-vault-token': token },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return text === '' ? {} : JSON.parse(text);
}
const read = (at: string, token: string) => call(at, undefined, token);

async function login(role: string): Promise<string> {
  const id = (await call(`auth/approle/role/${role}/role-id`)).data?.['role_id'];
  const secret = (await call(`auth/approle/role/${role}/secret-id`, {})).data?.['secret_id'];
  const { auth } = await call('auth/approle/login', { role_id: id, secret_id: secret });
  return auth?.client_token ?? '';
}

const versionsWith = (known: TrailVersion['epochs']): readonly TrailVersion[] =>
  [first, second].map((version) => ({ credential, version, paths: [path], epochs: known }));
const ask = (known: TrailVersion['epochs'] = epochs, file = bao.auditFile, more = {}) =>
  readVaultAudit({ ...trail, ...more }, versionsWith(known), { file, since: 0, signal: AbortSignal.timeout(60_000) });

test('a real audit file tells which version each identity has read, also an old one by its number', async () => {
  const { reads, damaged, begins } = await ask();
  expect(damaged).toBe(0);
  expect(begins).toBeLessThan(epochs[0]?.from ?? 0);
  const who = (version: VersionId) => reads.get(version)?.seen.map((seen) => [seen.who.split(',')[0], seen.from]);
  expect(who(first)).toEqual([
    ['approle', '127.0.0.1'],
    ['token', '127.0.0.1'],
    ['approle', '127.0.0.1'],
  ]);
  expect(who(second)).toEqual([['approle', '127.0.0.1']]);
  expect(reads.get(first)?.seen[0]?.who).toContain('role web');
});

test("keybaton's own readings are counted apart: who writes is known by its entity", async () => {
  const { reads } = await ask();
  expect(reads.get(first)?.own).toBeGreaterThan(0);
});

test('without the epochs a reading of the main path is told as of a version nobody can name', async () => {
  const { reads } = await ask([]);
  expect(reads.get(first)).toMatchObject({ untold: expect.any(Number) as number });
  expect(reads.get(first)?.untold).toBeGreaterThanOrEqual(3);
  // The staged copy names its version.
  expect(reads.get(first)?.seen).toHaveLength(1);
});

test('the same path in another namespace is another secret', async () => {
  expect((await ask(epochs, bao.auditFile, { namespace: 'team-a' })).reads.get(first)?.count).toBe(0);
});

test('no text of the file is a value: they are hashed, and so are not carried on', async () => {
  expect(JSON.stringify([...(await ask()).reads])).not.toContain('value-of-');
});

test('an engine that is tuned to show our mark tells the version by itself', async () => {
  const file = join(folder, 'audit.log');
  const entry = {
    time: '2026-11-22T03:00:00.123456789Z',
    type: 'response',
    auth: { display_name: 'web', metadata: null },
    request: { operation: 'read', path: `secret/data/${path}`, remote_address: '10.0.0.9', namespace: { id: 'root' } },
    response: { data: { data: { keybaton_version: second }, metadata: { created_time: '2020-01-01T00:00:00Z' } } },
  };
  writeFileSync(file, `${JSON.stringify(entry)}\n`);
  const { reads } = await ask(epochs, file);
  expect(reads.get(second)?.count).toBe(1);
  expect(reads.get(first)?.count).toBe(0);
});

test('a damaged line of our path is told of', async () => {
  const file = join(folder, 'audit-damaged.log');
  copyFileSync(bao.auditFile, file);
  writeFileSync(
    file,
    `{"time":"2026-11-22T03:00:00Z","type":"response","request":{"path":"secret/data/${path}","oper\n`,
  );
  expect((await ask(epochs, file)).damaged).toBe(1);
});
