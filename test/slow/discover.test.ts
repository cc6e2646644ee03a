import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { holdsAnyForm } from '../../conformance/backend/canary-forms.ts';
import { rawVault, tokenWith, type RawVault } from '../backends/vault-kv-subject.ts';
import { startFake, type RunningFake } from '../fakes/start.ts';
import { startOpenBaoServer, type OpenBaoServer } from '../support/openbao-server.ts';

const root = join(import.meta.dirname, '..', '..');
const documentedPolicy =
  /```hcl\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs', 'discover.md'), 'utf8'))?.[1] ?? '';
const minute = 60_000;

let bao: OpenBaoServer;
let vault: RawVault;
let openai: RunningFake<object>;
let folder: string;
let token: string;
let auditFile: string;
/** Every value in the vault and at the provider, and the credentials that open both. */
const secrets: string[] = [];
/** By name: id and value of the keys at the provider. */
const live: Record<string, { id: string; value: string }> = {};

const marked = (value: string): string => {
  secrets.push(value);
  return value;
};
const word = (length: number): string => randomBytes(length).toString('hex').slice(0, length);
const openAiKey = () => marked(`sk-proj-${word(74)}T3BlbkFJ${word(74)}`);
const anthropicKey = () => marked(`sk-ant-api03-${word(93)}AA`);

async function openAiLive(name: string): Promise<string> {
  const answer = await fetch(`${openai.url}/organization/projects/proj_a/service_accounts`, {
    method: 'POST',
    headers: { authorization: `Bearer ${openai.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  const { api_key: key } = (await answer.json()) as { api_key: { id: string; value: string } };
  live[name] = key;
  return marked(key.value);
}

const put = async (mount: string, path: string, data: Record<string, unknown>): Promise<void> => {
  const { status } = await vault.request('POST', `${mount}/data/${path}`, { data });
  expect(status).toBe(200);
};

async function approle(name: string): Promise<string> {
  await vault.request('POST', `auth/approle/role/${name}`, { token_policies: 'everything' });
  const role = await vault.request('GET', `auth/approle/role/${name}/role-id`);
  const secret = await vault.request('POST', `auth/approle/role/${name}/secret-id`, {});
  const body = { role_id: role.body.data.role_id, secret_id: secret.body.data.secret_id };
  return (await vault.request('POST', 'auth/approle/login', body)).body.auth.client_token;
}

/** What the device wrote, with only the times changed: this role read this path so often, the last time just now. */
function spaced(lines: readonly string[], readings: Readonly<Record<string, number>>, from: number): readonly string[] {
  const counts = new Map<string, number>();
  return lines.map((line) => {
    const record = JSON.parse(line);
    const key = `${record.auth?.metadata?.role_name} ${record.request?.path}`;
    const every = readings[key];
    if (every === undefined || record.type !== 'response') return line;
    const n = counts.get(key) ?? 0;
    counts.set(key, n + 1);
    return JSON.stringify({ ...record, time: new Date(from + n * every).toISOString() });
  });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keybaton-discover-'));
  [bao, openai] = await Promise.all([startOpenBaoServer(), startFake('openai')]);
  vault = rawVault(bao.url, bao.rootToken);
  secrets.push(openai.adminKey);
  await vault.request('PUT', 'sys/policies/acl/everything', { policy: 'path "*" { capabilities = ["read", "list"] }' });
  await vault.request('POST', 'sys/auth/approle', { type: 'approle' });
  await vault.request('POST', 'sys/mounts/team/kv', { type: 'kv', options: { version: '2' } });
  await vault.request('POST', 'sys/mounts/old', { type: 'kv', options: { version: '1' } });

  await put('secret', 'ai/prod/providers/openai/keys/support-bot', {
    OPENAI_API_KEY: await openAiLive('support-bot'),
    OPENAI_ORG: 'org-a',
    retries: 3,
  });
  await openAiLive('forgotten');
  await put('secret', 'ai/prod/providers/anthropic/keys/ranking', { key: anthropicKey(), model: 'large' });
  const shared = openAiKey();
  await put('secret', 'apps/web/staging/openai', { OPENAI_KEY: shared });
  await put('secret', 'apps/batch/staging/openai', { key: shared, other: 'x' });
  await put('secret', 'apps/translate/mistral', { MISTRAL_API_KEY: marked(word(32)) });
  await put('secret', 'apps/translate/checksums', { md5: marked(word(32)) });
  await put('secret', 'apps/both', { OPENAI_API_KEY: openAiKey(), ANTHROPIC_API_KEY: anthropicKey() });
  await put('secret', 'apps/database', { URL: marked(`postgres://app:${word(20)}@db.internal/app`) });
  await put('secret', 'apps/console', { token: marked(`sk-admin-${word(40)}`) });
  await put('secret', 'apps/search', { SUPABASE: marked(`sb_secret_${word(31)}`), url: 'https://x.supabase.co' });
  await put('secret', 'apps/source', { token: marked(`ghp_${word(36)}`) });
  await put('secret', 'at-the-top', { key: openAiKey() });
  await put('secret', 'apps/strange name/é', { key: anthropicKey() });
  await put('secret', 'locked/one', { key: openAiKey() });
  await put('secret', 'closed/two', { key: openAiKey() });
  await vault.request('POST', 'old/three', { key: openAiKey() });
  for (let n = 1; n <= 24; n += 1)
    await put('team/kv', `prod/svc-${n}`, { key: n % 2 === 0 ? openAiKey() : anthropicKey() });

  const denied = ['data/locked/*', 'metadata/closed/*'].map((at) => `path "secret/${at}" { capabilities = ["deny"] }`);
  const policy = documentedPolicy + documentedPolicy.replaceAll('secret/', 'team/kv/') + denied.join('\n');
  const old = 'path "old/*" { capabilities = ["read", "list"] }';
  token = marked(await tokenWith(vault, 'discover', `${policy}\n${old}`));

  const [web, batch] = [await approle('web'), await approle('batch')];
  const read = (path: string, by: string) => rawVault(bao.url, by).request('GET', path);
  const bot = 'secret/data/ai/prod/providers/openai/keys/support-bot';
  const both = ['secret/data/apps/web/staging/openai', 'secret/data/apps/batch/staging/openai'];
  for (let n = 0; n < 5; n += 1) {
    await read(bot, web);
    await read(bot, batch);
    await read(both[1] ?? '', batch);
  }
  await read(both[0] ?? '', web);
  await read('secret/data/ai/prod/providers/anthropic/keys/ranking', bao.rootToken);
  const lines = readFileSync(bao.auditFile, 'utf8').trim().split('\n');
  auditFile = join(folder, 'audit.log');
  const every = { [`web ${bot}`]: 5 * minute, [`batch ${bot}`]: 60 * minute, [`batch ${both[1]}`]: 24 * 60 * minute };
  writeFileSync(auditFile, `${spaced(lines, every, Date.now() - 5 * 24 * 60 * minute).join('\n')}\n`);
  writeFileSync(
    join(folder, 'have.yml'),
    `# our own words stay
targets:
  openai-prod:
    provider: openai
    environment: prod
    settings: { project: proj_a, baseUrl: '${openai.url}' }
    admin: env:OPENAI_ADMIN_KEY
    teams: [chat]
    paths: [ai/]
backends: {}
`,
  );
}, 60_000);

afterAll(async () => {
  await openai?.stop();
  await bao?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The real command, in a process of its own; nothing of a value may come out of it, whatever it says. */
async function keybaton(line: readonly string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(root, 'bin', 'keybaton.js'), ...line], {
    cwd: folder,
    env: {
      ...process.env,
      ...{ VAULT_ADDR: bao.url, VAULT_TOKEN: token, OPENAI_ADMIN_KEY: openai.adminKey },
      ...{ KEYBATON_HOME: join(folder, 'home'), ...environment },
    },
  });
  child.stdin.end();
  const [out, err] = [child.stdout.setEncoding('utf8').toArray(), child.stderr.setEncoding('utf8').toArray()];
  const exit = await new Promise<number | null>((done) => child.once('close', done));
  const ran = { exit, stdout: (await out).join(''), stderr: (await err).join('') };
  expect(secrets.filter((secret) => holdsAnyForm(`${ran.stdout}\n${ran.stderr}`, secret))).toEqual([]);
  return ran;
}

const discover = (...more: readonly string[]) =>
  keybaton(['discover', '--backend', 'vault-kv', '--audit-file', auditFile, ...more]);
const textOf = (name: string) => readFileSync(join(folder, name), 'utf8');

test('drafts what a vault holds, and apply takes the draft: forty entries, observed', { timeout: 60_000 }, async () => {
  expect(secrets.length).toBeGreaterThan(40);
  const found = await discover('--targets', 'have.yml', '--out', 'inventory.yml');
  expect(found.stderr).toContain('NOT SEEN: backend vault-kv-secret: locked/one: ACCESS_DENIED');
  expect(found.exit).toBe(8);
  expect(existsSync(join(folder, 'home'))).toBe(false);
  const [inventory, targets] = [textOf('inventory.yml'), textOf('targets.draft.yml')];
  expect(secrets.filter((secret) => holdsAnyForm(inventory + targets, secret))).toEqual([]);
  expect(targets).toContain('# our own words stay');

  const { teams, credentials } = parse(inventory);
  expect(teams).toEqual(['chat', 'platform']);
  expect(credentials['openai/prod/support-bot']).toEqual({
    target: 'openai-prod',
    team: 'chat',
    mode: 'observe',
    backends: [
      {
        backend: 'vault-kv-secret',
        path: 'ai/prod/providers/openai/keys/support-bot',
        fields: { OPENAI_API_KEY: '{api_key}' },
      },
    ],
    consumers: [
      { name: 'web', reader: 'role:web', demand: 'observed-read', deadline: '15m' },
      { name: 'batch', reader: 'role:batch', demand: 'observed-read', deadline: '180m' },
    ],
  });
  expect(inventory).toContain(`live at target openai-prod as ${live['support-bot']?.id}`);
  expect(inventory).toContain('read by role:web every 5 min: 5 times from 1 address');
  expect(inventory).toContain('a bare token, which no inventory can name');
  expect(found.stderr).toContain(`UNMANAGED at target openai-prod: ${live['forgotten']?.id}`);
  expect(found.stderr).not.toContain(`UNMANAGED at target openai-prod: ${live['support-bot']?.id}`);

  const shared = Object.values<{ backends: { path: string }[]; consumers: object[] }>(credentials).filter(
    ({ backends }) => backends.length > 1,
  );
  expect(shared.map(({ backends }) => backends.map(({ path }) => path).sort())).toEqual([
    ['apps/batch/staging/openai', 'apps/web/staging/openai'],
  ]);
  expect(shared[0]?.consumers).toEqual(
    expect.arrayContaining([
      { name: 'batch', reader: 'role:batch', demand: 'observed-read', deadline: '4320m' },
      { name: 'web', reader: 'role:web', demand: 'observed-read' },
    ]),
  );
  expect(credentials['mistral/unsorted/translate']).toMatchObject({ mode: 'observe' });
  expect(inventory).not.toContain('checksums');

  const applied = await keybaton(['apply', 'inventory.yml', '--targets', 'targets.draft.yml']);
  expect(applied).toMatchObject({ exit: 0 });
  const listed = JSON.parse((await keybaton(['list', '--json'])).stdout).credentials;
  expect(listed.length).toBe(Object.keys(credentials).length);
  expect(listed.length).toBeGreaterThanOrEqual(28);
  expect(new Set(listed.map(({ mode }: { mode: string }) => mode))).toEqual(new Set(['observe']));
});

test('what could not be seen or drafted is told with its reason, by path', { timeout: 30_000 }, async () => {
  const ran = await discover('--json');
  expect(ran).toMatchObject({ exit: 8, stderr: '' });
  const { unseen, left, others, entries } = JSON.parse(ran.stdout);
  expect(entries).toBeGreaterThanOrEqual(37);
  expect(unseen).toEqual([
    expect.objectContaining({ where: 'old', code: 'UNSUPPORTED' }),
    expect.objectContaining({ where: 'backend vault-kv-secret: closed/', code: 'ACCESS_DENIED' }),
    expect.objectContaining({ where: 'backend vault-kv-secret: locked/one', code: 'ACCESS_DENIED' }),
  ]);
  const told = left.join('\n');
  for (const place of ['apps/both', 'at-the-top', 'strange name']) expect(told).toContain(place);
  expect(
    others.map(({ path, what }: { path: string; what: string }) => `${path}: ${what.split(':')[0]}`).sort(),
  ).toEqual([
    'apps/console: an admin key of openai',
    'apps/database: a login of PostgreSQL',
    'apps/source: a token of github',
  ]);
});

test('a folder alone, seen as a whole, is exit 0 and says nothing of the rest', { timeout: 30_000 }, async () => {
  const ran = await discover('--mount', 'team/kv', '--path', 'prod');
  expect(ran).toMatchObject({ exit: 0 });
  const [inventory = ''] = ran.stdout.split('\n---\n');
  expect(Object.keys(parse(inventory).credentials)).toHaveLength(24);
});

test('never writes over a file, and then asks nobody', { timeout: 30_000 }, async () => {
  writeFileSync(join(folder, 'mine.yml'), 'mine');
  const ran = await keybaton(['discover', '--backend', 'vault-kv', '--out', 'mine.yml'], {
    VAULT_ADDR: 'http://127.0.0.1:1',
  });
  expect(ran).toMatchObject({ exit: 5 });
  expect(textOf('mine.yml')).toBe('mine');
});

test('a token that is refused and a sealed server are told, never read as empty', { timeout: 30_000 }, async () => {
  const refused = await keybaton(['discover', '--backend', 'vault-kv', '--mount', 'secret'], {
    VAULT_TOKEN: marked(`s.${word(24)}`),
  });
  expect(refused.exit).toBe(8);
  expect(refused.stderr).toContain('NOT SEEN: backend vault-kv: /: ACCESS_DENIED');
  await vault.request('PUT', 'sys/seal');
  const sealed = await keybaton(['discover', '--backend', 'vault-kv', '--mount', 'secret']);
  expect(sealed.exit).toBe(8);
  expect(sealed.stderr).toContain('vault is sealed');
  expect((await keybaton(['discover', '--backend', 'vault-kv'])).exit).toBe(10);
});
