import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedisServer } from '../../scripts/servers/redis-server.ts';
import type { RedisServer } from '../../scripts/servers/redis-server.ts';
import { needs } from '../support/needs.ts';
import { asRoot, connectAs, connectWith, isOpen } from './redis-bench.ts';
import { rotateWithConnections } from './rotation-with-connections.ts';

const isThere = needs('redis-server');
let server: RedisServer;
beforeAll(async () => {
  if (isThere) server = await startRedisServer();
});
afterAll(() => server?.stop());

describe('a credential at a real redis', () => {
  it('is rotated over a killed worker, then killed in an emergency, and only connections of what died are closed', async () => {
    const bystander = await connectAs(server, server.adminUser, server.adminPassword);
    const { versions, shown, ...seen } = await rotateWithConnections({
      provider: 'redis',
      settings: { host: '127.0.0.1', port: server.port, tls: 'off' },
      admin: { username: server.adminUser, password: server.adminPassword },
      async connect(material) {
        const client = await connectWith(server, material);
        return { isOpen: () => isOpen(client), close: async () => client.destroy() };
      },
    });
    expect(seen).toEqual({
      killed: true,
      outcome: 'rotated',
      overlap: [true, true],
      afterRotation: [false, true],
      afterEmergency: [false, true],
      incident: { closed: true, dead: 1, keys: 1, open: [] },
    });
    expect([versions.length, shown]).toEqual([3, versions.at(-1)]);
    expect(await isOpen(bystander)).toBe(true);
    bystander.destroy();
    // At the server itself: who has a password, and whose users are there.
    const users = (await asRoot(server, (root) => root.sendCommand(['ACL', 'LIST']))) as unknown as readonly string[];
    const ours = users.filter((line) => line.startsWith('user keybaton-'));
    const open = ours.filter((line) => line.includes(' #'));
    expect([ours.length, open.length]).toEqual([3, 1]);
    expect(open[0]).toContain(shown);
  }, 120_000);
});
