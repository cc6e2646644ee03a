import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { Values } from '../demo/values.ts';
import { startScript } from '../servers/child-process.ts';
import { startHoldingProxy, type HoldingProxy, type HoldRule } from '../servers/holding-proxy.ts';
import { startPostgresServer } from '../servers/postgres-server.ts';

/** What a cell may stop at a provider. */
export type ProviderEffect = 'issue' | 'revoke' | 'suspend' | 'resume';

/** One kind of provider: a server of its own behind a proxy that can hold what is said to it, and an outsider's look at it. */
export interface WireFamily {
  readonly name: 'openai' | 'postgres-roles';
  readonly proxy: HoldingProxy;
  /** What is kept as the admin credential, and the secret in it. */
  readonly admin: string;
  readonly secret: string;
  /** Settings of the target of one credential, as YAML. */
  settings(label: string): string;
  /** Makes room for it at the provider, with keys of others beside it that nobody of ours may touch. */
  prepare(label: string): Promise<void>;
  /** Versions of ours that live, for every credential; asked at the provider itself. */
  live(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Does the provider take what consumers read? */
  accepts(fields: Readonly<Record<string, unknown>>): Promise<boolean>;
  /** Credentials beside which a key of somebody else has died. */
  bystandersGone(): Promise<readonly string[]>;
  /** How an effect is told by what is sent; undefined: this provider has none of that kind. */
  rule(label: string, effect: ProviderEffect): Omit<HoldRule, 'holds'> | undefined;
  /** Does harm from outside, so that the verdict is seen to notice: a key of ours that nobody knows, or the death of one in use. */
  sabotage(label: string, harm: 'stray' | 'death'): Promise<void>;
  stop(): Promise<unknown>;
}

const versionIn = (text: string): string => /kb[a-z0-9]{30}/.exec(text)?.[0] ?? text;
const strange = (): string => `kb${randomBytes(30).toString('hex').slice(0, 30)}`;

interface FakeKey {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly live: boolean;
}

export async function openAiWire(logFile: string, values?: Values): Promise<WireFamily> {
  const admin = `sk-admin-${randomBytes(36).toString('base64url')}`;
  const program = await startScript({
    file: new URL('../../test/fakes/openai/main.ts', import.meta.url),
    args: ['--with-parent'],
    env: { KEYBATON_FAKE_ADMIN_KEY: admin, ...(values === undefined ? {} : { KEYBATON_FAKE_TAP: '1' }) },
    pipes: 1,
    logFile,
  });
  values?.listen('minted by OpenAI', program.pipes[0]);
  const [line] = await program.printed(/^\{"ready":true.*\}$/m);
  const { url, control } = JSON.parse(line) as { readonly url: string; readonly control: string };
  const proxy = await startHoldingProxy(Number(new URL(url).port));
  const ask = async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`${control}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path} at the stand-in for OpenAI answered ${answer.status}`);
    return answer.json();
  };
  // The control port is the fake's own: its answers have the shape written there.
  const keys = async (): Promise<readonly FakeKey[]> => (await ask('GET', '/keys')) as readonly FakeKey[];
  const project = (label: string): string => `proj_${label}`;
  const others = new Map<string, string>();
  const ours = (key: FakeKey): boolean => !others.has(key.id);

  return {
    name: 'openai',
    proxy,
    admin,
    secret: admin,
    settings: (label) =>
      `project: ${project(label)}, baseUrl: 'http://127.0.0.1:${proxy.port}', createSpread: 0, revokeSpread: 0, lateCreate: 0, usageLag: 0, callTimeout: 15000`,
    async prepare(label) {
      for (const name of ['made by hand', `elsewhere:${strange()}`]) {
        const { id } = (await ask('POST', '/keys', { project: project(label), name })) as { readonly id: string };
        others.set(id, label);
      }
    },
    async live() {
      const found = new Map<string, string[]>();
      for (const key of await keys()) {
        if (!key.live || !ours(key)) continue;
        const label = key.project.slice('proj_'.length);
        found.set(label, [...(found.get(label) ?? []), versionIn(key.name)]);
      }
      return found;
    },
    async accepts({ api_key: value }) {
      const answer = await fetch(`${url}/models`, { headers: { authorization: `Bearer ${String(value)}` } });
      await answer.arrayBuffer();
      return answer.ok;
    },
    async bystandersGone() {
      const living = new Set((await keys()).filter(({ live }) => live).map(({ id }) => id));
      return [...others].filter(([id]) => !living.has(id)).map(([, label]) => label);
    },
    rule(label, effect) {
      if (effect === 'issue') return { sent: new RegExp(`^POST [^ ]*/${project(label)}/`) };
      if (effect === 'revoke') return { sent: new RegExp(`^DELETE [^ ]*/${project(label)}/`) };
      return undefined;
    },
    async sabotage(label, harm) {
      const mine = (await keys()).filter((key) => key.live && ours(key) && key.project === project(label));
      const [tag = ''] = (mine[0]?.name ?? '').split(':');
      const call = async (method: string, path: string, body?: object): Promise<void> => {
        const answer = await fetch(`${url}/organization/projects/${project(label)}/${path}`, {
          method,
          headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        if (!answer.ok) throw new Error(`${method} ${path} at the stand-in for OpenAI answered ${answer.status}`);
        await answer.arrayBuffer();
      };
      if (harm === 'stray') return call('POST', 'service_accounts', { name: `${tag}:${strange()}` });
      for (const key of mine) await call('DELETE', `api_keys/${key.id}`);
    },
    async stop() {
      await proxy.close();
      await program.stop();
    },
  };
}

export async function postgresWire(): Promise<WireFamily> {
  const server = await startPostgresServer();
  const proxy = await startHoldingProxy(server.port);
  const owner = new Client({
    host: server.host,
    port: server.port,
    user: server.adminUser,
    password: server.adminPassword,
    database: 'postgres',
  });
  await owner.connect();
  const labels: string[] = [];
  const query = async (text: string): Promise<readonly Record<string, unknown>[]> =>
    (await owner.query<Record<string, unknown>>(text)).rows;

  return {
    name: 'postgres-roles',
    proxy,
    admin: JSON.stringify({ username: server.adminUser, password: server.adminPassword }),
    secret: server.adminPassword,
    settings: (label) =>
      `host: 127.0.0.1, port: ${proxy.port}, database: postgres, group: g_${label}, pair: [r_${label}_a, r_${label}_b], tls: 'off', callTimeout: 15000`,
    async prepare(label) {
      labels.push(label);
      await query(
        `create role g_${label} nologin; create role r_${label}_a nologin in role g_${label}; create role r_${label}_b nologin in role g_${label}; create role r_${label}_person login in role g_${label}`,
      );
    },
    async live() {
      const found = new Map<string, string[]>();
      const rows = await query(
        `select rolname, shobj_description(oid, 'pg_authid') as mark from pg_roles where rolname ~ '^r_.*_[ab]$' and rolcanlogin`,
      );
      for (const { rolname, mark } of rows) {
        const label = String(rolname).slice(2, -2);
        found.set(label, [...(found.get(label) ?? []), versionIn(String(mark))]);
      }
      return found;
    },
    async accepts({ username, password }) {
      const client = new Client({
        host: server.host,
        port: server.port,
        user: String(username),
        password: String(password),
        database: 'postgres',
      });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return true;
      } catch (thrown) {
        const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : undefined;
        if (code === '28P01' || code === '28000') return false;
        throw thrown;
      } finally {
        await client.end().catch(() => undefined);
      }
    },
    async bystandersGone() {
      const rows = await query(`select rolname from pg_roles where rolname ~ '_person$' and rolcanlogin`);
      const living = new Set(rows.map(({ rolname }) => String(rolname)));
      return labels.filter((label) => !living.has(`r_${label}_person`));
    },
    rule(label, effect) {
      const role = `"?r_${label}_[ab]"?`;
      const texts: Readonly<Record<ProviderEffect, string>> = {
        issue: `role ${role} with login password`,
        revoke: `alter role ${role} nologin`,
        suspend: `alter role ${role} nologin`,
        resume: `alter role ${role} login`,
      };
      return { sent: new RegExp(texts[effect]), answered: /COMMIT\0/ };
    },
    async sabotage(label, harm) {
      if (harm === 'stray') await query(`alter role r_${label}_a login; alter role r_${label}_b login`);
      else await query(`alter role r_${label}_a nologin; alter role r_${label}_b nologin`);
    },
    async stop() {
      await owner.end();
      await proxy.close();
      await server.stop();
    },
  };
}
