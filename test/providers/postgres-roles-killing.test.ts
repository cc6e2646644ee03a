import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Ref } from '../../domain/facts.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { poll } from '../../scripts/servers/poll.ts';
import { call, issue, make, newVersion, plan, provider, startBench } from './postgres-bench.ts';
import type { PostgresBench } from './postgres-bench.ts';
import { freshPlace, isOpen } from './postgres-kit.ts';

let bench: PostgresBench;

beforeAll(async () => {
  bench = await startBench();
});

afterAll(() => bench?.stop());

test('a revoked session cannot come back with a password that it set for itself', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port);
  const issued = await make(target);
  const session = await bench.login(issued.material);
  await session.query('set role none');
  await session.query(`alter role ${issued.ref.id} password 'a password of its own'`);
  await provider.revoke(target, issued.ref, call());
  expect(await isOpen(session)).toBe(false);
  expect(await bench.roleNow(issued.ref.id)).toEqual({
    login: false,
    comment: `${issued.ref.mark}:dead`,
    password: null,
  });
  await bench.superuser.query(`alter role ${issued.ref.id} login`);
  const own = new SecretMaterial({ username: issued.ref.id, password: 'a password of its own' }, 'password');
  expect(await provider.verify(target, own, call())).toBe('refused');
});

test('an open transaction that holds its own role is ended, not waited for', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port);
  const issued = await make(target);
  const session = await bench.login(issued.material);
  await session.query('begin; set role none');
  await session.query(`alter role ${issued.ref.id} password 'a password of its own'`);
  await provider.revoke(target, issued.ref, call());
  expect(await isOpen(session)).toBe(false);
  expect((await bench.roleNow(issued.ref.id)).password).toBeNull();
});

test('sessions are ended after the lost right to log in is committed, and before the password goes', async () => {
  const { target } = await freshPlace(bench.server, bench.proxy.port);
  const issued = await make(target);
  const session = await bench.login(issued.material);
  const held = bench.proxy.holdCommits();
  const revoking = provider.revoke(target, issued.ref, call());
  await poll(() => held.seen() === 1, { what: 'the first commit' });
  // The uncommitted NOLOGIN stops nobody: a second session still gets in, and it must not survive.
  const second = await bench.login(issued.material);
  expect(await isOpen(session)).toBe(true);
  held.release();
  const last = bench.proxy.holdCommits();
  await poll(() => last.seen() === 1, { what: 'the last commit' });
  expect([await isOpen(session), await isOpen(second)]).toEqual([false, false]);
  last.release();
  await revoking;
  await expect(bench.login(issued.material)).rejects.toThrow();
});

test('an old kill that arrives late leaves the next tenant of the role alone', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port);
  const survivor = await make(target);
  const old = await make(target, [survivor.ref]);
  await provider.revoke(target, old.ref, call());
  const tenant = await make(target, [survivor.ref], [old.ref]);
  const session = await bench.login(tenant.material);
  await provider.revoke(target, old.ref, call());
  await provider.suspend?.(target, old.ref, call());
  await provider.endSessions?.(target, old.ref, call());
  expect(await isOpen(session)).toBe(true);
  expect(await provider.verify(target, tenant.material, call())).toBe('accepted');
  await session.end();
});

test('a revoke that lost the answer of its second commit is AMBIGUOUS, and the retry finishes it', async () => {
  const { target } = await freshPlace(bench.server, bench.proxy.port);
  const issued = await make(target);
  bench.proxy.loseNextCommit(1);
  await expect(provider.revoke(target, issued.ref, call())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  await provider.revoke(target, issued.ref, call());
  expect((await bench.roleNow(issued.ref.id)).comment).toBe(`${issued.ref.mark}:dead`);
  expect(await provider.verify(target, issued.material, call())).toBe('refused');
});

test('a revoke that cannot reach a replica is AMBIGUOUS until it can, and complete on the primary', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port);
  const issued = await make(target);
  const away = { ...target, settings: { ...target.settings, hosts: [{ host: '127.0.0.1', port: 1 }] } };
  await expect(provider.revoke(away, issued.ref, call())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
  expect((await bench.roleNow(issued.ref.id)).comment).toBe(`${issued.ref.mark}:dead`);
  await expect(provider.revoke(away, issued.ref, call())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await provider.revoke(target, issued.ref, call());
});

test('a role that a person dropped is gone, which is success', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port, 'per-version');
  const issued = await make(target);
  expect(issued.ref.id).toMatch(/^kb[a-z0-9]{30}$/);
  await bench.superuser.query(`drop role ${issued.ref.id}`);
  await provider.revoke(target, issued.ref, call());
  expect(await provider.list(target, call())).toEqual([]);
});

test('a role with open sessions of an earlier version is not issued over', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port);
  const other = await make(target);
  const old = await make(target, [other.ref]);
  const session = await bench.login(old.material);
  await bench.superuser.query(`alter role ${old.ref.id} nologin`);
  const request = await plan(target, [other.ref], [old.ref]);
  expect(request.replaces).toBe(old.ref.mark);
  await expect(issue(target, request)).rejects.toMatchObject({ code: 'CONFLICT' });
  await provider.endSessions?.(target, old.ref, call());
  await issue(target, request);
  expect(await isOpen(session)).toBe(false);
});

test('what is printed for 3 a.m. kills exactly this version, and stops when another holds the role', async () => {
  const { target } = await freshPlace(bench.server, bench.server.port);
  const issued = await make(target);
  const session = await bench.login(issued.material);
  const statements = (ref: Ref) => provider.killByHand(target, ref).split('\n').slice(1, -1).join('\n');
  await expect(bench.superuser.query(statements({ ...issued.ref, mark: `kit1:${newVersion()}` }))).rejects.toThrow(
    'does not hold the version',
  );
  expect(await isOpen(session)).toBe(true);
  await bench.superuser.query(statements(issued.ref));
  await poll(async () => !(await isOpen(session)), { what: 'the end of the session' });
  expect(await provider.verify(target, issued.material, call())).toBe('refused');
  await provider.revoke(target, issued.ref, call());
});
