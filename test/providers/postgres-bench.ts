import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import type { Ref } from '../../domain/facts.ts';
import { parseCredentialId, versionIdFrom } from '../../domain/identifiers.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import { postgresRoles } from '../../providers/postgres-roles.ts';
import type { PostgresTarget } from '../../providers/postgres-roles/settings.ts';
import type { Call, IssueRequest, Issued } from '../../providers/provider.ts';
import { startPostgresServer } from '../../scripts/servers/postgres-server.ts';
import type { PostgresServer } from '../../scripts/servers/postgres-server.ts';
import { connectAs, startProxy } from './postgres-kit.ts';
import type { Proxy } from './postgres-kit.ts';

export const provider = postgresRoles();
export const credential = parseCredentialId('postgres/test/bot');
export const newVersion = () => versionIdFrom(new Uint8Array(randomBytes(64)));

export const call = (changes: Partial<Call> = {}): Call => ({
  signal: new AbortController().signal,
  deadline: Date.now() + 10_000,
  now: () => Date.now(),
  random: (bytes) => new Uint8Array(randomBytes(bytes)),
  ...changes,
});

export interface PostgresBench {
  readonly server: PostgresServer;
  readonly proxy: Proxy;
  readonly superuser: Client;
  login(material: SecretMaterial): Promise<Client>;
  roleNow(name: string): Promise<RoleNow>;
  stop(): Promise<void>;
}

export interface RoleNow {
  readonly login: boolean;
  readonly comment: string | null;
  readonly password: string | null;
}

/** A server of its own that logs every statement, with the database `app` and a proxy in front. */
export async function startBench(): Promise<PostgresBench> {
  const server = await startPostgresServer({ settings: { log_statement: 'all' } });
  const proxy = await startProxy(server);
  const superuser = await connectAs(server, server.adminUser, server.adminPassword, 'postgres');
  await superuser.query('create database app');
  return {
    server,
    proxy,
    superuser,
    login(material) {
      const { username = '', password = '' } = material.reveal();
      return connectAs(server, username, password);
    },
    async roleNow(name) {
      const { rows } = await superuser.query<RoleNow>(
        "select rolcanlogin as login, shobj_description(oid, 'pg_authid') as comment, rolpassword as password from pg_authid where rolname = $1",
        [name],
      );
      const [role] = rows;
      if (role === undefined) throw new Error(`there is no role ${name}`);
      return role;
    },
    async stop() {
      await superuser.end();
      await proxy.close();
      await server.stop();
    },
  };
}

export async function plan(
  target: PostgresTarget,
  keep: readonly Ref[] = [],
  free: readonly Ref[] = [],
): Promise<IssueRequest> {
  const version = newVersion();
  const { place, replaces } = await provider.preflight(target, { credential, version, keep, free }, call());
  const random = (bytes: number) => new Uint8Array(randomBytes(bytes));
  const generated = provider.generate?.(target, { version, place, random });
  if (generated === undefined) throw new Error('postgres-roles generates');
  return { credential, version, place, generated, ...(replaces !== undefined && { replaces }) };
}

export async function issue(target: PostgresTarget, request: IssueRequest, how = call()): Promise<Issued> {
  const issued = await provider.issue?.(target, request, how);
  if (issued === undefined) throw new Error('postgres-roles issues');
  return issued;
}

export async function make(
  target: PostgresTarget,
  keep: readonly Ref[] = [],
  free: readonly Ref[] = [],
): Promise<Issued> {
  return issue(target, await plan(target, keep, free));
}
