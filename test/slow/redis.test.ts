import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { providerSuite } from '../../conformance/index.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { redis } from '../../providers/redis.ts';
import { redisSettings } from '../../providers/redis/settings.ts';
import type { RedisTarget } from '../../providers/redis/settings.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import { startHoldingProxy } from '../../scripts/servers/holding-proxy.ts';
import type { HoldingProxy } from '../../scripts/servers/holding-proxy.ts';
import { startRedisServer } from '../../scripts/servers/redis-server.ts';
import type { RedisServer } from '../../scripts/servers/redis-server.ts';
import { startSilence } from '../providers/postgres-kit.ts';
import { needs } from '../support/needs.ts';
import { asRoot, call, connectWith, documentedAdmin, freshPlace, isOpen, make, plan, provider } from './redis-bench.ts';

let server: RedisServer;
let other: RedisServer;
let proxy: HoldingProxy;
let silence: Awaited<ReturnType<typeof startSilence>>;
let nobody: number;
const isThere = needs('redis-server');

beforeAll(async () => {
  if (!isThere) return;
  [server, other, silence, nobody] = await Promise.all([
    startRedisServer(),
    startRedisServer(),
    startSilence(),
    freePort(),
  ]);
  proxy = await startHoldingProxy(server.port);
});
afterAll(async () => {
  await Promise.all([proxy?.close(), silence?.close(), server?.stop(), other?.stop()]);
});

const at = (target: RedisTarget, port: number): RedisTarget => ({ ...target, settings: { ...target.settings, port } });
const viaProxy = async (): Promise<RedisTarget> => at(await freshPlace([server]), proxy.port);

/** The next command that matches takes effect, and nobody hears of it. */
function loseAnswer(sent: RegExp): void {
  void proxy.hold({ sent, holds: 'answer' }).applied.then(() => proxy.drop());
}

describe('provider contract: redis', () => {
  const options = {
    create: redis,
    settings: redisSettings.parse({ host: '127.0.0.1', tls: 'off' }),
    target: viaProxy,
    unreachable: (target: RedisTarget) => at(target, nobody),
    silent: (target: RedisTarget) => at(target, silence.port),
    loseAnswer: () => loseAnswer(/SETUSER/),
    async use(_target: RedisTarget, material: Parameters<typeof connectWith>[1]) {
      const client = await connectWith(server, material);
      return { isOpen: () => isOpen(client) };
    },
  };
  for (const one of providerSuite(options)) test(one.name, () => one.run());
});

describe('a version at redis', () => {
  it('may read its keys and nothing else, and never more than its target says', async () => {
    const target = await freshPlace([server]);
    const { material } = await make(target);
    const client = await connectWith(server, material);
    expect(await client.sendCommand(['GET', 'app:1'])).toBeNull();
    for (const command of [
      ['GET', 'other:1'],
      ['SET', 'app:1', 'x'],
      ['FLUSHALL'],
      ['ACL', 'LIST'],
      ['CLIENT', 'LIST'],
    ])
      await expect(client.sendCommand(command)).rejects.toThrow('NOPERM');
    client.destroy();
  });

  it('is made by the hash of its password: neither the wire nor the file of users holds the password', async () => {
    const target = await viaProxy();
    const seen = await asRoot(server, async (root) => {
      await root.sendCommand(['ACL', 'LOG', 'RESET']);
      const { material } = await make(target);
      return { value: material.revealValue(), log: JSON.stringify(await root.sendCommand(['ACL', 'LIST'])) };
    });
    const file = readFileSync(server.aclFile ?? '', 'utf8');
    expect(file).toContain(`${target.settings.users}-kit1-kb`);
    expect(seen.log + file).not.toContain(seen.value);
  });

  it('loses its connections when it is revoked, and no other version does', async () => {
    const target = await freshPlace([server]);
    const [old, young] = [await make(target), await make(target)];
    const connections = await Promise.all([old, old, young].map(({ material }) => connectWith(server, material)));
    expect(await provider.usage(target, old.ref, call())).toEqual({ kind: 'sample', sessions: 2 });
    await provider.revoke(target, old.ref, call());
    expect(await Promise.all(connections.map(isOpen))).toEqual([false, false, true]);
    await expect(provider.usage(target, old.ref, call())).rejects.toMatchObject({ code: 'NOT_FOUND' });
    connections.forEach((client) => client.destroy());
  });

  it('is found by its name when a crash lost what issue answered, and is killed by it', async () => {
    const target = await viaProxy();
    const request = await plan(target);
    loseAnswer(/SETUSER/);
    await expect(provider.issue(target, request, call())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    const [stray] = await provider.list(target, call());
    expect(stray?.tag).toEqual({ installation: 'kit1', version: request.version });
    await provider.revoke(target, stray?.ref ?? { id: '' }, call());
    expect(await provider.list(target, call())).toEqual([]);
  });

  it('is revoked although the answer was lost, and revoking again says that it is gone', async () => {
    const target = await viaProxy();
    const { ref, material } = await make(target);
    loseAnswer(/reset/);
    await expect(provider.revoke(target, ref, call())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    expect(await provider.verify(target, material, call())).toBe('refused');
    await provider.revoke(target, ref, call());
    await asRoot(server, (root) => root.sendCommand(['ACL', 'DELUSER', ref.id]));
    await provider.revoke(target, ref, call());
    expect(await provider.list(target, call())).toEqual([]);
  });

  it('that never came is kept from coming late', async () => {
    const target = await freshPlace([server]);
    const request = await plan(target);
    await provider.revoke(target, { id: request.place }, call());
    await expect(provider.issue(target, request, call())).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await provider.list(target, call())).toEqual([]);
  });

  it('of another installation, or a user made by hand, is not touched', async () => {
    const target = await freshPlace([server]);
    const { ref, material } = await make(target);
    await provider.revoke({ ...target, installation: 'other0' }, ref, call());
    expect(await provider.verify(target, material, call())).toBe('accepted');
    const byHand = `${target.settings.users}-by-hand`;
    await asRoot(server, (root) => root.sendCommand(['ACL', 'SETUSER', byHand, 'on', '>by-hand-1']));
    await provider.revoke(target, { id: byHand }, call());
    expect(await provider.list(target, call())).toContainEqual({ ref: { id: byHand }, disabled: false });
  });

  it('is alive though it may do nothing: NOPERM is no refusal', async () => {
    const target = await freshPlace([server]);
    const { ref, material } = await make(target);
    await asRoot(server, (root) => root.sendCommand(['ACL', 'SETUSER', ref.id, '-ping']));
    expect(await provider.verify(target, material, call())).toBe('forbidden');
  });

  it('is not called refused by a server that lets nobody in', async () => {
    const target = await freshPlace([other]);
    const { material } = await make(target);
    await asRoot(other, async (root) => {
      await root.sendCommand(['CONFIG', 'SET', 'maxclients', '1']);
      try {
        await expect(provider.verify(target, material, call())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      } finally {
        await root.sendCommand(['CONFIG', 'SET', 'maxclients', '1000']);
      }
    });
  });

  it('is not made by a rule that the server does not know, and the error holds no value', async () => {
    const target = await freshPlace([server], { commands: ['+@nonsense'] });
    const request = await plan(target);
    const thrown = await provider.issue(target, request, call()).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'INVALID_CONFIG' });
    const value = request.generated?.material.revealValue() ?? '';
    const hash = createHash('sha256').update(value).digest('hex');
    expect([value, hash].filter((one) => inspect(thrown, { depth: 9 }).includes(one))).toEqual([]);
    expect(await provider.list(target, call())).toEqual([]);
  });

  it('stays dead, and the other one alive, when the server is started again', async () => {
    const own = await startRedisServer();
    try {
      const target = await freshPlace([own]);
      await asRoot(own, (root) => root.sendCommand(['ACL', 'SAVE']));
      const [dead, suspended, alive] = [await make(target), await make(target), await make(target)];
      await provider.revoke(target, dead.ref, call());
      await provider.suspend(target, suspended.ref, call());
      await own.restart();
      const verdicts = [dead, suspended, alive].map(({ material }) => provider.verify(target, material, call()));
      expect(await Promise.all(verdicts)).toEqual(['refused', 'refused', 'accepted']);
    } finally {
      await own.stop();
    }
  });
});

describe('redis on two nodes', () => {
  it('makes and kills a version at both', async () => {
    const target = await freshPlace([server, other]);
    const { ref, material } = await make(target);
    const connections = await Promise.all([server, other].map((one) => connectWith(one, material)));
    expect(await provider.usage(target, ref, call())).toEqual({ kind: 'sample', sessions: 2 });
    await provider.revoke(target, ref, call());
    expect(await Promise.all(connections.map(isOpen))).toEqual([false, false]);
    expect(await provider.list(target, call())).toEqual([]);
  });

  it('kills at the node that it reaches, says that the other is missing, and calls nobody dead who lives there', async () => {
    const target = await freshPlace([server, other]);
    const { ref, material } = await make(target);
    const half = { ...target, settings: { ...target.settings, hosts: [{ host: '127.0.0.1', port: nobody }] } };
    await expect(provider.revoke(half, ref, call())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    await expect(connectWith(server, material)).rejects.toThrow('WRONGPASS');
    await expect(provider.verify(half, material, call())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await provider.verify(target, material, call())).toBe('accepted');
    await provider.revoke(target, ref, call());
    expect(await provider.verify(target, material, call())).toBe('refused');
  });
});

describe('preflight at redis', () => {
  const preflight = (target: RedisTarget) => plan(target);

  it('refuses a server that would forget its users, and says what to do', async () => {
    const forgetful = await startRedisServer({ aclFile: false });
    try {
      const target = await freshPlace([forgetful]);
      await expect(preflight(target)).rejects.toMatchObject({
        code: 'INVALID_CONFIG',
        message: expect.stringContaining('set aclfile in redis.conf'),
      });
      await asRoot(forgetful, async (root) => {
        const { username = '' } = (await target.admin()).reveal();
        await root.sendCommand(['ACL', 'SETUSER', username, '+config|rewrite', '+info']);
      });
      const rewriting = { ...target, settings: { ...target.settings, persist: 'config-rewrite' as const } };
      const { material } = await make(rewriting);
      const dead = await make(rewriting);
      await provider.revoke(rewriting, dead.ref, call());
      await forgetful.restart();
      expect(await provider.verify(rewriting, material, call())).toBe('accepted');
      expect(await provider.verify(rewriting, dead.material, call())).toBe('refused');
    } finally {
      await forgetful.stop();
    }
  });

  it('names the command that the admin lacks', async () => {
    for (const missing of ['acl|setuser', 'acl|save', 'client|kill']) {
      const target = await freshPlace([server]);
      const { username = '' } = (await target.admin()).reveal();
      await asRoot(server, (root) => root.sendCommand(['ACL', 'SETUSER', username, `-${missing}`]));
      const words = missing.toUpperCase().replace('|', ' ');
      await expect(preflight(target)).rejects.toMatchObject({
        code: 'ACCESS_DENIED',
        message: expect.stringContaining(`may not ${words}`),
      });
    }
  });

  it('tells what the admin may do beyond what is documented', async () => {
    const target = await freshPlace([server]);
    expect(await provider.excess(target, call())).toEqual([]);
    const root = { username: server.adminUser, password: server.adminPassword };
    const asAdmin = { ...target, admin: async () => new SecretMaterial(root, 'password') };
    expect(await provider.excess(asAdmin, call())).toContain('it may delete every key');
  });

  it('knows its settings', () => {
    const parse = (settings: object) => redisSettings.safeParse({ host: '127.0.0.1', tls: 'off', ...settings }).success;
    expect(parse({})).toBe(true);
    expect(parse({ keys: ['*'] })).toBe(false);
    expect(parse({ commands: ['+@all'] })).toBe(false);
    expect(parse({ commands: ['+@all'], keys: ['*'], wide: true })).toBe(true);
    expect(parse({ keys: ['app:* on >known'] })).toBe(false);
    expect(parse({ host: 'cache.internal' })).toBe(false);
    expect(documentedAdmin('a', 'b').slice(0, 5)).toEqual(['ACL', 'SETUSER', 'a', 'on', '>b']);
  });
});
