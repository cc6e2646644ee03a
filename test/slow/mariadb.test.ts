import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { providerSuite } from '../../conformance/index.ts';
import type { ProviderSuiteOptions } from '../../conformance/index.ts';
import { parseCredentialId, versionIdFrom } from '../../domain/identifiers.ts';
import { mariadb } from '../../providers/mariadb.ts';
import { mariadbSettings } from '../../providers/mariadb/settings.ts';
import type { MariadbSettings, MariadbTarget } from '../../providers/mariadb/settings.ts';
import type { Call, GeneratedVersion, IssueRequest, Issued } from '../../providers/provider.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import { startMariadbServer } from '../../scripts/servers/mariadb-server.ts';
import type { MariadbServer } from '../../scripts/servers/mariadb-server.ts';
import { asRoot, freshPlace, isOpen, loginAs, startProxy } from '../providers/mariadb-kit.ts';
import type { Mode, Proxy } from '../providers/mariadb-kit.ts';
import { startSilence } from '../providers/postgres-kit.ts';
import { needs } from '../support/needs.ts';

const isThere = needs('mariadb-server');
let server: MariadbServer;
let proxy: Proxy;
let silence: Awaited<ReturnType<typeof startSilence>>;
let nobody: number;

beforeAll(async () => {
  if (!isThere) return;
  [server, silence, nobody] = await Promise.all([startMariadbServer(), startSilence(), freePort()]);
  proxy = await startProxy(server);
});
afterAll(async () => {
  await Promise.all([proxy?.close(), silence?.close()]);
  await server?.stop();
});

const at = (target: MariadbTarget, port: number): MariadbTarget => ({
  ...target,
  settings: { ...target.settings, port },
});

function kit(mode: Mode): ProviderSuiteOptions<MariadbSettings> {
  return {
    create: mariadb,
    settings: mariadbSettings.parse({ host: '127.0.0.1', database: 'app' }),
    target: () => freshPlace(server, proxy.port, mode),
    unreachable: (target) => at(target, nobody),
    silent: (target) => at(target, silence.port),
    loseAnswer: () => proxy.loseAnswerTo(mode === 'role' ? 'set default role' : 'grant SELECT'),
    async use({ settings }, material) {
      const session = await loginAs(server, material.reveal(), settings.database);
      return { isOpen: () => isOpen(session) };
    },
  };
}

for (const mode of ['privileges', 'role'] as const) {
  describe(`provider contract: mariadb, ${mode}`, () => {
    for (const one of providerSuite(kit(mode))) test(one.name, () => one.run());
  });
}

const provider = mariadb();
const credential = parseCredentialId('mariadb/test/bot');
const version = () => versionIdFrom(new Uint8Array(randomBytes(64)));
const call = (changes: Partial<Call> = {}): Call => ({
  signal: new AbortController().signal,
  deadline: Date.now() + 10_000,
  now: () => Date.now(),
  random: (bytes) => new Uint8Array(randomBytes(bytes)),
  ...changes,
});

async function plan(target: MariadbTarget): Promise<IssueRequest & { readonly generated: GeneratedVersion }> {
  const request = { credential, version: version(), keep: [], free: [] };
  const { place } = await provider.preflight(target, request, call());
  const random = (bytes: number) => new Uint8Array(randomBytes(bytes));
  return { ...request, place, generated: provider.generate(target, { ...request, place, random }) };
}
const make = async (target: MariadbTarget): Promise<Issued> => provider.issue(target, await plan(target), call());

describe('a version at mariadb', () => {
  test('may do what its target says on its database, and nothing else', async () => {
    const target = await freshPlace(server);
    const { material } = await make(target);
    const session = await loginAs(server, material.reveal(), target.settings.database);
    await session.query("insert into notes values ('a note')");
    for (const text of ['delete from notes', 'create table more (a int)', 'select * from mysql.global_priv'])
      await expect(session.query(text)).rejects.toThrow(/denied/);
    const [{ grants = '' } = {}] = await session.query<{ grants: string }[]>({
      sql: `select group_concat(IS_GRANTABLE) as grants from information_schema.schema_privileges`,
    });
    expect(grants).not.toContain('YES');
    await session.end();
  });

  test('a create that was cut between account and rights is found by its name, finished by the retry, or killed', async () => {
    const target = await freshPlace(server, proxy.port);
    const request = await plan(target);
    proxy.loseAnswerTo('create user');
    await expect(provider.issue(target, request, call())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    const [listed] = await provider.list(target, call());
    expect(listed?.tag).toEqual({ installation: target.installation, version: request.version });
    expect(await provider.verify(target, request.generated.material, call())).toBe('forbidden');
    await provider.issue(target, request, call());
    expect(await provider.verify(target, request.generated.material, call())).toBe('accepted');
    await provider.revoke(target, request.generated.ref, call());
    expect(await provider.list(target, call())).toEqual([]);
  });

  test.each(['account lock', 'create or replace'])(
    'a revoke that lost its answer to "%s" goes on when it is repeated',
    async (lost) => {
      const target = await freshPlace(server, proxy.port);
      const { ref, material } = await make(target);
      const session = await loginAs(server, material.reveal(), target.settings.database);
      proxy.loseAnswerTo(lost);
      await expect(provider.revoke(target, ref, call())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
      await provider.revoke(target, ref, call());
      expect(await isOpen(session)).toBe(false);
      expect(await provider.verify(target, material, call())).toBe('refused');
    },
  );

  test('one that a person dropped is gone already, and the sessions that this left behind are ended', async () => {
    const target = await freshPlace(server);
    const { ref, material } = await make(target);
    const session = await loginAs(server, material.reveal(), target.settings.database);
    const root = await asRoot(server);
    await root.query(`drop user '${ref.id}'@'%'`);
    await root.end();
    expect(await isOpen(session)).toBe(true);
    await provider.revoke(target, ref, call());
    expect(await isOpen(session)).toBe(false);
  });

  test('a revoked session cannot come back with a password that it set for itself', async () => {
    const target = await freshPlace(server);
    const { ref, material } = await make(target);
    const session = await loginAs(server, material.reveal(), target.settings.database);
    await session.query("set password = password('a password of its own')");
    await provider.revoke(target, ref, call());
    const root = await asRoot(server);
    await root.query(`alter user '${ref.id}'@'%' account unlock`);
    const own = { username: ref.id, password: 'a password of its own' };
    await expect(loginAs(server, own)).rejects.toMatchObject({ errno: 1045 });
    expect(await root.query(`show grants for '${ref.id}'@'%'`)).toHaveLength(1);
    await root.end();
  });

  test('a tombstone is dropped an hour later by the next revoke, but not in an emergency', async () => {
    const target = await freshPlace(server);
    const [first, second, third] = [await make(target), await make(target), await make(target)];
    await provider.revoke(target, first.ref, call());
    const root = await asRoot(server);
    const graves = async () =>
      root.query<object[]>(`select User from mysql.global_priv where User = '${first.ref.id}'`);
    await root.query(
      `update mysql.global_priv set Priv = json_set(Priv, '$.password_last_changed', unix_timestamp() - 3700) where User = '${first.ref.id}'`,
    );
    await provider.revoke(target, second.ref, call({ urgent: true }));
    expect(await graves()).toHaveLength(1);
    await provider.revoke(target, third.ref, call());
    expect(await graves()).toHaveLength(0);
    await root.end();
  });

  test('of another installation is CONFLICT and stays alive', async () => {
    const target = await freshPlace(server);
    const { ref, material } = await make(target);
    const stranger = { ...target, installation: 'other0' };
    await expect(provider.revoke(stranger, ref, call())).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await provider.verify(target, material, call())).toBe('accepted');
  });

  test('neither its password nor the admin is in the log of the server that sees every statement, nor in any error', async () => {
    const target = await freshPlace(server, proxy.port);
    const request = await plan(target);
    const { material, ref } = request.generated;
    proxy.loseAnswerTo('grant SELECT');
    const thrown: unknown[] = [await provider.issue(target, request, call()).catch((error: unknown) => error)];
    await provider.issue(target, request, call());
    await provider.verify(target, material, call());
    const refused = { ...target, settings: { ...target.settings, privileges: ['DROP' as const] } };
    thrown.push(await provider.issue(refused, request, call()).catch((error: unknown) => error));
    await provider.revoke(target, ref, call());
    const told = [
      readFileSync(server.generalLog, 'utf8'),
      ...thrown.map((one) => inspect(one, { depth: 9, showHidden: true })),
    ];
    expect(told[0]).toContain(ref.id);
    const hash = /\*[0-9A-F]{40}/;
    for (const text of told) expect(text).not.toContain(material.revealValue());
    for (const text of told.slice(1)) expect(text).not.toMatch(hash);
    expect(thrown).toMatchObject([{ code: 'AMBIGUOUS' }, { code: 'ACCESS_DENIED' }]);
  });

  test('preflight names the statement that a missing right needs, and excess names what is too much', async () => {
    const target = await freshPlace(server);
    expect(await provider.excess(target, call())).toEqual([]);
    const root = await asRoot(server);
    const { username = '' } = (await target.admin()).reveal();
    await root.query(`grant shutdown on *.* to ${username}`);
    await root.query(`revoke connection admin on *.* from ${username}`);
    await root.end();
    expect(await provider.excess(target, call())).toEqual(['on every database: SHUTDOWN']);
    await expect(plan(target)).rejects.toThrow(/grant connection admin on \*\.\* to/);
  });
});
