import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRabbitMqServer } from '../../scripts/servers/rabbitmq-server.ts';
import type { RabbitMqServer } from '../../scripts/servers/rabbitmq-server.ts';
import { needs } from '../support/needs.ts';
import { asRoot, connectWith } from './rabbitmq-bench.ts';
import { rotateWithConnections } from './rotation-with-connections.ts';

const isThere = needs('rabbitmq-server');
let server: RabbitMqServer;
beforeAll(async () => {
  if (isThere) server = await startRabbitMqServer();
}, 90_000);
afterAll(() => server?.stop());

interface User {
  readonly name: string;
  readonly password_hash: string;
}

describe('a credential at a real rabbitmq', () => {
  it('is rotated over a killed worker, then killed in an emergency, and only connections of what died are closed', async () => {
    const admin = { username: server.adminUser, password: server.adminPassword };
    const bystander = await connectWith(server, { reveal: () => admin });
    const { versions, shown, ...seen } = await rotateWithConnections({
      provider: 'rabbitmq',
      settings: { url: server.apiUrl, host: '127.0.0.1', port: server.port, tls: 'off' },
      admin,
      connect: (material) => connectWith(server, material),
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
    expect(await bystander.isOpen()).toBe(true);
    await bystander.close();
    // At the broker itself: who has a password.
    const users = JSON.parse((await asRoot(server, 'GET', '/users')).text) as readonly User[];
    const ours = users.filter(({ name }) => name.startsWith('keybaton-'));
    const open = ours.filter((user) => user.password_hash !== '');
    expect([ours.length, open.length]).toEqual([3, 1]);
    expect(open[0]?.name).toContain(shown);
  }, 120_000);
});
