import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMariadbServer } from '../../scripts/servers/mariadb-server.ts';
import type { MariadbServer } from '../../scripts/servers/mariadb-server.ts';
import { asRoot, freshPlace, isOpen, loginAs } from '../providers/mariadb-kit.ts';
import { needs } from '../support/needs.ts';
import { rotateWithConnections } from './rotation-with-connections.ts';

const isThere = needs('mariadb-server');
let server: MariadbServer;
beforeAll(async () => {
  if (isThere) server = await startMariadbServer();
});
afterAll(() => server?.stop());

describe('a credential at a real mariadb', () => {
  it('is rotated over a killed worker, then killed in an emergency, and only sessions of what died are closed', async () => {
    const bystander = await asRoot(server);
    const target = await freshPlace(server);
    const { settings } = target;
    const { username = '', password = '' } = (await target.admin()).reveal();
    const { versions, shown, ...seen } = await rotateWithConnections({
      provider: 'mariadb',
      settings,
      admin: { username, password },
      async connect(material) {
        const session = await loginAs(server, material.reveal(), settings.database);
        return { isOpen: () => isOpen(session), close: async () => session.end().catch(() => {}) };
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
    // At the server itself: whose accounts are there, and who can log in.
    const accounts = await bystander.query<{ name: string; locked: 0 | 1 }[]>(
      "select User as name, coalesce(json_value(Priv, '$.account_locked'), 0) = '1' as locked from mysql.global_priv where User like '%-kb%'",
    );
    const open = accounts.filter(({ locked }) => locked === 0);
    expect([accounts.length, open.length]).toEqual([3, 1]);
    expect(open[0]?.name).toContain(shown);
    await bystander.end();
  }, 120_000);
});
