import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PostgresTarget } from '../../providers/postgres-roles/settings.ts';
import { postgresBinaries } from '../../scripts/servers/postgres-binaries.ts';
import { startPostgresServer } from '../../scripts/servers/postgres-server.ts';
import type { PostgresServer } from '../../scripts/servers/postgres-server.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { call, make, provider } from './postgres-bench.ts';
import { connectAs, freshPlace } from './postgres-kit.ts';

const certifier = hasOpenssl();

describe.skipIf(!certifier)(
  `postgres-roles over tls${certifier ? '' : ' (skipped: no openssl to make a certificate with)'}`,
  () => {
    const folder = temporaryFolder('tls');
    const [key, certificate] = [join(folder.path, 'server.key'), join(folder.path, 'server.crt')];
    let server: PostgresServer;

    beforeAll(async () => {
      const subject = ['-subj', '/CN=keybaton test', '-addext', 'subjectAltName=IP:127.0.0.1'];
      execFileSync(
        'openssl',
        [
          'req',
          '-x509',
          '-newkey',
          'rsa:2048',
          '-nodes',
          '-days',
          '2',
          ...subject,
          '-keyout',
          key,
          '-out',
          certificate,
        ],
        { stdio: 'ignore' },
      );
      const { user } = postgresBinaries();
      chmodSync(folder.path, 0o755);
      chmodSync(key, 0o600);
      if (user !== undefined) chownSync(key, user.uid, user.gid);
      server = await startPostgresServer({ settings: { ssl: 'on', ssl_cert_file: certificate, ssl_key_file: key } });
      const superuser = await connectAs(server, server.adminUser, server.adminPassword, 'postgres');
      await superuser.query('create database app');
      await superuser.end();
    });

    afterAll(async () => {
      await server?.stop();
      folder.remove();
    });

    async function targetWith(settings: Partial<PostgresTarget['settings']>): Promise<PostgresTarget> {
      const { target } = await freshPlace(server, server.port);
      return { ...target, settings: { ...target.settings, ...settings } };
    }

    test('a certificate of the given authority for the given address is accepted', async () => {
      const target = await targetWith({ tls: 'verify', caFile: certificate });
      const issued = await make(target);
      expect(await provider.verify(target, issued.material, call())).toBe('accepted');
    });

    test('a certificate of an unknown authority is trouble before any password is sent', async () => {
      const target = await targetWith({ tls: 'verify' });
      await expect(provider.list(target, call())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    });

    test('a certificate for another name is trouble; `require` does not look at it', async () => {
      const target = await targetWith({ tls: 'verify', caFile: certificate, host: 'localhost' });
      await expect(provider.list(target, call())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(await provider.list(await targetWith({ tls: 'require', host: 'localhost' }), call())).toEqual([]);
    });

    test('a server without tls is never spoken to in the clear', async () => {
      const plain = await startPostgresServer();
      try {
        const target = await targetWith({ tls: 'require', port: plain.port });
        await expect(provider.list(target, call())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      } finally {
        await plain.stop();
      }
    });
  },
);

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
