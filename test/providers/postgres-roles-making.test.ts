import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeOf } from '../../domain/errors.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import type { Issued } from '../../providers/provider.ts';
import { poll } from '../../scripts/servers/poll.ts';
import { call, credential, issue, make, newVersion, plan, provider, startBench } from './postgres-bench.ts';
import type { PostgresBench } from './postgres-bench.ts';
import { connectAs, freshPlace } from './postgres-kit.ts';

let bench: PostgresBench;

beforeAll(async () => {
  bench = await startBench();
});

afterAll(() => bench?.stop());

test('two issuers of different versions for one role: one wins, the other is CONFLICT', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port);
  const requests = [await plan(target), await plan(target)];
  expect(new Set(requests.map((request) => request.place)).size).toBe(1);
  const results = await Promise.allSettled(requests.map((request) => issue(target, request)));
  const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const lost = results.flatMap((result) => (result.status === 'rejected' ? [codeOf(result.reason)] : []));
  expect(lost).toEqual(['CONFLICT']);
  expect(await provider.verify(target, (won[0] as Issued).material, call())).toBe('accepted');
});

test('an issuer whose connection is cut before its commit has changed nothing, and its lock is free', async () => {
  const { target } = await freshPlace(bench.server, bench.proxy.port);
  const request = await plan(target);
  const held = bench.proxy.holdCommits();
  const stop = new AbortController();
  const zombie = issue(target, request, call({ signal: stop.signal })).catch((error: unknown) => error);
  await poll(() => held.seen() === 1, { what: 'the commit' });
  stop.abort();
  // It was sent, for all the adapter knows.
  expect(codeOf(await zombie)).toBe('AMBIGUOUS');
  held.release();
  const direct = { ...target, settings: { ...target.settings, port: bench.server.port } };
  const winner = await make(direct);
  expect(await provider.verify(direct, winner.material, call())).toBe('accepted');
  expect(await provider.list(direct, call())).toHaveLength(1);
});

test('the server rolls back and unlocks by itself when an issuer stands still past its deadline', async () => {
  const { target } = await freshPlace(bench.server, bench.proxy.port);
  const request = await plan(target);
  const held = bench.proxy.holdCommits('orphaned');
  // Its connection to the server stays: like a worker that was stopped, it neither goes on nor hangs up.
  const stopped = issue(target, request, call({ deadline: Date.now() + 1_500 })).catch((error: unknown) => error);
  await poll(() => held.seen() === 1, { what: 'the commit' });
  const direct = { ...target, settings: { ...target.settings, port: bench.server.port } };
  expect(codeOf(await stopped)).toBe('AMBIGUOUS');
  const winner = await issue(direct, request);
  held.release();
  expect(await provider.verify(direct, winner.material, call())).toBe('accepted');
  expect(await provider.list(direct, call())).toHaveLength(1);
});

test('a role that works without our mark is refused until it is handed over, with the command to run', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port);
  const [name = ''] = target.settings.pair ?? [];
  await bench.superuser.query(`alter role ${name} with login password 'made by hand, long ago'`);
  const refused: unknown = await plan(target).catch((error: unknown) => error);
  expect(codeOf(refused)).toBe('CONFLICT');
  expect(String(refused)).toContain('keybaton import postgres/test/bot');
  const material = new SecretMaterial({ username: name, password: 'made by hand, long ago' }, 'password');
  const version = newVersion();
  const adopted = await provider.adopt?.(target, { credential, version, material, known: [] }, call());
  expect(adopted?.ref).toEqual({ id: name, mark: `kit1:${version}` });
  expect((await plan(target, [{ id: name, mark: `kit1:${version}` }])).place).toBe(target.settings.pair?.[1]);
});

test('a comment that a person wrote on an idle role does not block it', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port);
  for (const name of target.settings.pair ?? [])
    await bench.superuser.query(`comment on role ${name} is 'ask the data team'`);
  const issued = await make(target);
  expect((await bench.roleNow(issued.ref.id)).comment).toBe(issued.ref.mark);
});

test('a pair that another installation has marked is refused', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port);
  await make(target);
  await expect(plan({ ...target, installation: 'other0' })).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('what one login creates, the next one can use', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port);
  const app = await connectAs(bench.server, bench.server.adminUser, bench.server.adminPassword);
  await app.query(`create schema authorization ${target.settings.group}`);
  await app.end();
  const first = await make(target);
  const one = await bench.login(first.material);
  await one.query(`create table ${target.settings.group}.notes (text text)`);
  await one.end();
  const second = await make(target, [first.ref]);
  const two = await bench.login(second.material);
  await two.query(`alter table ${target.settings.group}.notes add column at timestamptz`);
  await two.end();
});

test('the admin has none of the rights of the application', async () => {
  const { target, admin } = await freshPlace(bench.server, bench.server.port);
  const app = await connectAs(bench.server, bench.server.adminUser, bench.server.adminPassword);
  const schema = `private_${target.settings.group}`;
  await app.query(
    `create schema ${schema}; create table ${schema}.notes (text text); alter table ${schema}.notes owner to ${target.settings.group}`,
  );
  await app.query(`grant usage on schema ${schema} to public`);
  await app.end();
  await make(target);
  const session = await connectAs(bench.server, admin.username, admin.password);
  await expect(session.query(`select * from ${schema}.notes`)).rejects.toMatchObject({ code: '42501' });
  await expect(session.query(`set role ${target.settings.group}`)).rejects.toMatchObject({ code: '42501' });
  await session.end();
});

test.for([
  ['createrole', (admin: string) => `alter role ${admin} nocreaterole`, 'createrole'],
  ['the right to end sessions', (admin: string) => `revoke pg_signal_backend from ${admin}`, 'grant pg_signal_backend'],
  ['the admin option over a role', (admin: string, role: string) => `revoke ${role} from ${admin}`, 'with admin true'],
] as const)('preflight names the statement that gives %s', async ([, take, named]) => {
  const { target, admin } = await freshPlace(bench.server, bench.server.port);
  await bench.superuser.query(take(admin.username, target.settings.pair?.[1] ?? ''));
  const refused: unknown = await plan(target).catch((error: unknown) => error);
  expect(codeOf(refused)).toBe('ACCESS_DENIED');
  expect(String(refused)).toContain(named);
});

test('a listed host that does not answer makes usage an error, never fewer sessions', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port);
  const issued = await make(target);
  const session = await bench.login(issued.material);
  const both = { ...target, settings: { ...target.settings, hosts: [{ host: '127.0.0.1', port: bench.server.port }] } };
  expect(await provider.usage?.(both, issued.ref, call())).toEqual({ kind: 'sample', sessions: 2 });
  const away = { ...target, settings: { ...target.settings, hosts: [{ host: '127.0.0.1', port: 1 }] } };
  await expect(provider.usage?.(away, issued.ref, call())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await session.end();
});

test('a login without the right to connect is forbidden, which is alive', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port);
  const issued = await make(target);
  await bench.superuser.query('create database closed');
  await bench.superuser.query('revoke connect on database closed from public');
  const closed = { ...target, settings: { ...target.settings, database: 'closed' } };
  expect(await provider.verify(closed, issued.material, call())).toBe('forbidden');
  const missing = { ...target, settings: { ...target.settings, database: 'nowhere' } };
  await expect(provider.verify(missing, issued.material, call())).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
});

test('a line of pg_hba.conf that lets nobody in is trouble, never "refused"', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port);
  const issued = await make(target);
  const fenced = { ...target, settings: { ...target.settings, database: 'fenced' } };
  await bench.superuser.query('create database fenced');
  expect(await provider.verify(fenced, issued.material, call())).toBe('accepted');
  const { rows } = await bench.superuser.query(
    "select current_setting('hba_file') as path, pg_read_file(current_setting('hba_file')) as text",
  );
  const lines = [
    'host fenced all 127.0.0.1/32 reject',
    ...String(rows[0].text)
      .split('\n')
      .filter((line) => /^(host|local)/.test(line)),
  ];
  await bench.superuser.query(`copy (select unnest($q$${`{"${lines.join('","')}"}`}$q$::text[])) to '${rows[0].path}'`);
  await bench.superuser.query('select pg_reload_conf()');
  const thrown = await poll(
    () =>
      provider.verify(fenced, issued.material, call()).then(
        () => undefined,
        (error: unknown) => ({ error }),
      ),
    { what: 'the new pg_hba.conf' },
  );
  expect(codeOf(thrown.error)).toBe('INVALID_CONFIG');
  expect(String(thrown.error)).toContain('pg_hba.conf');
});

test('too many connections is trouble, never a verdict', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port);
  const issued = await make(target);
  await bench.superuser.query(`alter role ${issued.ref.id} connection limit 0`);
  await expect(provider.verify(target, issued.material, call())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

test('the server never sees a password, not even in its log of all statements', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port);
  const issued = await make(target);
  await pause(200);
  const log = bench.server.process().output();
  expect(log).toContain('SCRAM-SHA-256');
  expect(log).not.toContain(issued.material.revealValue());
});
