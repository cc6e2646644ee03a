import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { providerSuite } from '../../conformance/index.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { rabbitMq } from '../../providers/rabbitmq.ts';
import { rabbitMqSettings } from '../../providers/rabbitmq/settings.ts';
import type { RabbitMqTarget } from '../../providers/rabbitmq/settings.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import { startHoldingProxy } from '../../scripts/servers/holding-proxy.ts';
import type { HoldingProxy } from '../../scripts/servers/holding-proxy.ts';
import { startRabbitMqServer } from '../../scripts/servers/rabbitmq-server.ts';
import type { RabbitMqServer } from '../../scripts/servers/rabbitmq-server.ts';
import { startSilence } from '../providers/postgres-kit.ts';
import { needs } from '../support/needs.ts';
import { asRoot, call, connectWith, freshPlace, make, plan, provider } from './rabbitmq-bench.ts';

let server: RabbitMqServer;
let proxy: HoldingProxy;
let silence: Awaited<ReturnType<typeof startSilence>>;
let nobody: number;
const isThere = needs('rabbitmq-server');

beforeAll(async () => {
  if (!isThere) return;
  [server, silence, nobody] = await Promise.all([startRabbitMqServer(), startSilence(), freePort()]);
  proxy = await startHoldingProxy(server.apiPort);
}, 90_000);
afterAll(async () => {
  await Promise.all([proxy?.close(), silence?.close(), server?.stop()]);
});

const at = (target: RabbitMqTarget, port: number): RabbitMqTarget => ({
  ...target,
  settings: { ...target.settings, url: `http://127.0.0.1:${port}`, port },
});
const viaProxy = async (): Promise<RabbitMqTarget> => {
  const target = await freshPlace(server);
  return { ...target, settings: { ...target.settings, url: `http://127.0.0.1:${proxy.port}` } };
};

/** The next request that matches takes effect, and nobody hears of it. */
function loseAnswer(sent: RegExp): void {
  void proxy.hold({ sent, holds: 'answer' }).applied.then(() => proxy.drop());
}
const opening = /rabbit_password_hashing_sha256/;
const removing = /^DELETE \/api\/users\//;

describe('provider contract: rabbitmq', () => {
  const options = {
    create: rabbitMq,
    settings: rabbitMqSettings.parse({ url: 'http://127.0.0.1:1', host: '127.0.0.1', tls: 'off' }),
    target: viaProxy,
    unreachable: (target: RabbitMqTarget) => at(target, nobody),
    silent: (target: RabbitMqTarget) => at(target, silence.port),
    loseAnswer: () => loseAnswer(opening),
    use: (_target: RabbitMqTarget, material: SecretMaterial) => connectWith(server, material),
  };
  for (const one of providerSuite(options)) test(one.name, () => one.run());
});

describe('a version at rabbitmq', () => {
  it('may use what its target says and nothing else, and has no tag', async () => {
    const target = await freshPlace(server, { configure: '^app\\.' });
    const { ref, material } = await make(target);
    const session = await connectWith(server, material);
    await (await session.channel()).assertQueue('app.jobs');
    await expect((await session.channel()).assertQueue('other')).rejects.toThrow('403');
    await session.close();
    const user = JSON.parse((await asRoot(server, 'GET', `/users/${ref.id}`)).text) as { tags: unknown };
    expect(user.tags).toEqual([]);
    const authorization = `Basic ${Buffer.from(`${ref.id}:${material.revealValue()}`).toString('base64')}`;
    expect((await fetch(`${server.apiUrl}/api/whoami`, { headers: { authorization } })).status).toBe(401);
    expect(await provider.verify(target, material, call())).toBe('accepted');
  });

  it('may use nothing by default', async () => {
    const target = await freshPlace(server);
    const session = await connectWith(server, (await make(target)).material);
    await expect((await session.channel()).assertQueue('app.jobs')).rejects.toThrow('403');
    await session.close();
  });

  it('loses its connections when it is revoked, and no other version does; they are seen without delay', async () => {
    const target = await freshPlace(server);
    const [old, young] = [await make(target), await make(target)];
    const sessions = await Promise.all([old, old, young].map(({ material }) => connectWith(server, material)));
    expect(await provider.usage(target, old.ref, call())).toEqual({ kind: 'sample', sessions: 2 });
    await provider.revoke(target, old.ref, call());
    expect(await Promise.all(sessions.map((session) => session.isOpen()))).toEqual([false, false, true]);
    await expect(provider.usage(target, old.ref, call())).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await Promise.all(sessions.map((session) => session.close()));
  });

  it('is found by its name when a crash lost what issue answered, and is killed by it', async () => {
    const target = await viaProxy();
    const request = await plan(target);
    loseAnswer(opening);
    const thrown = await provider.issue(target, request, call()).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'AMBIGUOUS' });
    expect(inspect(thrown, { depth: 9 })).not.toContain(request.generated?.material.revealValue());
    const [stray] = await provider.list(target, call());
    expect(stray?.tag).toEqual({ installation: 'kit1', version: request.version });
    await provider.revoke(target, stray?.ref ?? { id: '' }, call());
    expect(await provider.list(target, call())).toEqual([]);
  });

  it('half made is nobody, and the retry completes it', async () => {
    const target = await viaProxy();
    const request = await plan(target);
    loseAnswer(/^PUT \/api\/permissions\//);
    await expect(provider.issue(target, request, call())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    expect(await provider.list(target, call())).toEqual([]);
    const { material } = await provider.issue(target, request, call());
    expect(await provider.verify(target, material, call())).toBe('accepted');
  });

  it('is revoked although the answer was lost, and revoking again says that it is gone', async () => {
    const target = await viaProxy();
    const { ref, material } = await make(target);
    loseAnswer(removing);
    await expect(provider.revoke(target, ref, call())).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    expect(await provider.verify(target, material, call())).toBe('refused');
    await provider.revoke(target, ref, call());
    await asRoot(server, 'DELETE', `/users/${ref.id}`);
    await provider.revoke(target, ref, call());
    expect(await provider.list(target, call())).toEqual([]);
  });

  it('that never came is kept from coming late', async () => {
    const target = await freshPlace(server);
    const request = await plan(target);
    await provider.revoke(target, { id: request.place }, call());
    await expect(provider.issue(target, request, call())).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await provider.list(target, call())).toEqual([]);
  });

  it('of another installation, or a user made by hand, is not touched', async () => {
    const target = await freshPlace(server);
    const { ref, material } = await make(target);
    await provider.revoke({ ...target, installation: 'other0' }, ref, call());
    expect(await provider.verify(target, material, call())).toBe('accepted');
    const byHand = `${target.settings.users}-by-hand`;
    await asRoot(server, 'PUT', `/users/${byHand}`, { password: 'by-hand-1', tags: '' });
    await provider.revoke(target, { id: byHand }, call());
    expect(await provider.list(target, call())).toContainEqual({ ref: { id: byHand }, disabled: false });
  });

  it('is alive though its vhost turns it away: that is no refusal', async () => {
    const target = await freshPlace(server);
    const { ref, material } = await make(target);
    await asRoot(server, 'DELETE', `/permissions/%2F/${ref.id}`);
    expect(await provider.verify(target, material, call())).toBe('forbidden');
  });
});

describe('preflight at rabbitmq', () => {
  it('names the tag that the admin lacks', async () => {
    const target = await freshPlace(server);
    const { username = '', password } = (await target.admin()).reveal();
    await asRoot(server, 'PUT', `/users/${username}`, { password, tags: 'monitoring' });
    await expect(plan(target)).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.stringContaining('lacks the tag administrator'),
    });
  });

  it('says that there is no such vhost', async () => {
    const target = await freshPlace(server, { vhost: 'nowhere/at all' });
    await expect(plan(target)).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: 'rabbitmq has no vhost nowhere/at all',
    });
  });

  it('tells what the admin may do beyond what is documented', async () => {
    const target = await freshPlace(server);
    expect(await provider.excess(target, call())).toEqual([]);
    const root = { username: server.adminUser, password: server.adminPassword };
    const asAdmin = { ...target, admin: async () => new SecretMaterial(root, 'password') };
    expect(await provider.excess(asAdmin, call())).toEqual(['it may use vhost / itself']);
  });

  it('knows its settings', () => {
    const parse = (settings: object) =>
      rabbitMqSettings.safeParse({ url: 'http://127.0.0.1:1', host: '127.0.0.1', tls: 'off', ...settings }).success;
    expect(parse({})).toBe(true);
    expect(parse({ read: '.*' })).toBe(false);
    expect(parse({ read: '.*', wide: true })).toBe(true);
    expect(parse({ read: '(' })).toBe(false);
    expect(parse({ host: 'queue.internal' })).toBe(false);
  });
});
