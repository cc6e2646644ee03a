import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backend, BackendCall, Place } from '../../backends/backend.ts';
import { codeOf } from '../../domain/errors.ts';
import { type VersionId, versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { needs } from '../support/needs.ts';
import { type OpenBaoServer, startOpenBaoServer } from '../support/openbao-server.ts';
import { runBackendSuite } from './run-backend-suite.ts';
import {
  backendWith,
  copiesOf,
  documentedPolicy,
  placeAt,
  rawVault,
  type RawVault,
  tokenWith,
  vaultSubject,
} from './vault-kv-subject.ts';

const isThere = needs('openbao');
let server: OpenBaoServer;
let root: RawVault;
let token: string;

beforeAll(async () => {
  if (!isThere) return;
  server = await startOpenBaoServer();
  root = rawVault(server.url, server.rootToken);
  token = await tokenWith(root, 'keybaton', documentedPolicy);
});
afterAll(async () => {
  if (isThere) await server.stop();
});

const call = (overrides: Partial<BackendCall> = {}): BackendCall => ({
  signal: new AbortController().signal,
  deadline: Date.now() + 60_000,
  now: () => Date.now(),
  ...overrides,
});

function make() {
  const value = `canary-vault-${randomBytes(8).toString('hex')}`;
  const material = new SecretMaterial({ api_key: value }, 'api_key');
  return { version: versionIdFrom(randomBytes(64)), value, ref: { id: 'key-1' }, material };
}

async function promoted(backend: Backend, place: Place, epoch: number, expected?: VersionId) {
  const made = make();
  await backend.stage(place, made, call());
  await backend.promote(place, { version: made.version, epoch, expected }, call());
  return made;
}

describe('vault-kv on OpenBao, under the documented policy', () => {
  runBackendSuite({
    create: vaultSubject(
      () => server,
      () => token,
    ),
  });
});

describe('vault-kv', () => {
  let place: Place;
  let backend: Backend;
  beforeEach(() => {
    place = placeAt(`ai/prod/${randomBytes(6).toString('hex')}`);
    backend = backendWith(server.url, token);
  });

  it('the old value is unreadable in every KV version of both paths, with a foreign patch in between and one deleted', async () => {
    const first = await promoted(backend, place, 1);
    await root.request('PATCH', `secret/data/${place.path}`, { data: { REGION: 'eu-west-1' } });
    await root.request('PATCH', `secret/data/${place.path}`, { data: { REGION: 'eu-west-2' } });
    const second = await promoted(backend, place, 2, first.version);
    await root.request('POST', `secret/delete/${place.path}`, { versions: [2] });
    const paths = [place.path, `keybaton-staging/${place.path}/${first.version}`];

    await backend.destroy(place, first.version, call());
    expect(await copiesOf(root, paths, first.value)).toBe(0);
    expect(await copiesOf(root, [place.path], second.value)).toBe(1);
  });

  it('a deleted KV version that never held the value stays deleted and whole', async () => {
    await root.request('POST', `secret/data/${place.path}`, { data: { REGION: 'eu-west-1' } });
    const first = await promoted(backend, place, 1);
    await promoted(backend, place, 2, first.version);
    await root.request('POST', `secret/delete/${place.path}`, { versions: [1] });
    await backend.destroy(place, first.version, call());
    const { versions } = (await root.request('GET', `secret/metadata/${place.path}`)).body.data;
    expect([versions['1'].destroyed, versions['1'].deletion_time === '']).toEqual([false, false]);
    expect(versions['2'].destroyed).toBe(true);
  });

  it('destroy finds old copies by their mark when the staged copy is gone already', async () => {
    const first = await promoted(backend, place, 1);
    await promoted(backend, place, 2, first.version);
    await root.request('DELETE', `secret/metadata/keybaton-staging/${place.path}/${first.version}`);
    await backend.destroy(place, first.version, call());
    expect(await copiesOf(root, [place.path], first.value)).toBe(0);
  });

  it('destroy refuses while the value lies in a field of the newest KV version that is not ours', async () => {
    const first = await promoted(backend, place, 1);
    await promoted(backend, place, 2, first.version);
    await root.request('PATCH', `secret/data/${place.path}`, { data: { OLD_COPY: first.value } });
    await expect(backend.destroy(place, first.version, call())).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('a mount that keeps two KV versions keeps all that is needed to go back', async () => {
    await root.request('POST', `secret/metadata/${place.path}`, { max_versions: 2 });
    const first = await promoted(backend, place, 1);
    for (const region of ['1', '2', '3']) {
      await root.request('PATCH', `secret/data/${place.path}`, { data: { REGION: region } });
    }
    const second = await promoted(backend, place, 2, first.version);
    await backend.promote(place, { version: first.version, epoch: 3, expected: second.version }, call());
    await backend.destroy(place, second.version, call());
    const { main } = await backend.describe(place, call());
    expect(main).toEqual({ kind: 'ours', version: first.version, epoch: 3 });
    expect(await copiesOf(root, [place.path], second.value)).toBe(0);
  });

  it('promotes anew over a main path that somebody deleted', async () => {
    const first = await promoted(backend, place, 1);
    await root.request('DELETE', `secret/data/${place.path}`);
    expect((await backend.describe(place, call())).main).toEqual({ kind: 'empty' });
    await backend.promote(place, { version: first.version, epoch: 2, expected: first.version }, call());
    expect((await backend.describe(place, call())).main).toEqual({ kind: 'ours', version: first.version, epoch: 2 });
  });

  it("carries over a structured field that is not ours, and a consumer's wildcard cannot read staging", async () => {
    await root.request('POST', `secret/data/${place.path}`, { data: { flags: { beta: true }, port: 5432 } });
    const { version } = await promoted(backend, place, 1);
    const policy = `path "secret/data/${place.path}/*" { capabilities = ["read"] }\npath "secret/+/${place.path}" { capabilities = ["read"] }`;
    const consumer = rawVault(server.url, await tokenWith(root, `c-${randomBytes(4).toString('hex')}`, policy));
    const { body } = await consumer.request('GET', `secret/data/${place.path}`);
    expect(body.data.data).toMatchObject({ flags: { beta: true }, port: 5432, keybaton_epoch: '1' });
    const staged = await consumer.request('GET', `secret/data/keybaton-staging/${place.path}/${version}`);
    expect(staged.status).toBe(403);
  });

  it('works on a mount that requires compare-and-set', async () => {
    await root.request('POST', 'sys/mounts/strict', { type: 'kv', options: { version: '2' } });
    await root.request('POST', 'strict/config', { cas_required: true });
    const strict = backendWith(server.url, server.rootToken, { mount: 'strict' });
    await strict.probe(place, call());
    const first = await promoted(strict, place, 1);
    await promoted(strict, place, 2, first.version);
    await strict.destroy(place, first.version, call());
    expect((await strict.describe(place, call())).staged.length).toBe(1);
  });

  it('the probe refuses a mount that deletes versions after a time, saying why', async () => {
    await root.request('POST', 'sys/mounts/fading', { type: 'kv', options: { version: '2' } });
    await root.request('POST', 'fading/config', { delete_version_after: '24h' });
    const fading = backendWith(server.url, server.rootToken, { mount: 'fading' });
    await expect(fading.probe(place, call())).rejects.toThrow(/delete_version_after/);
  });

  it('a mount that does not exist is INVALID_CONFIG, never absence', async () => {
    const nowhere = backendWith(server.url, server.rootToken, { mount: 'nowhere' });
    await expect(nowhere.describe(place, call())).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    await expect(nowhere.read(place, 'current', call())).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    await expect(nowhere.stage(place, make(), call())).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });

  it('the admin token can neither erase a main path nor read beside its folders', async () => {
    await promoted(backend, place, 1);
    const admin = rawVault(server.url, token);
    expect((await admin.request('DELETE', `secret/metadata/${place.path}`)).status).toBe(403);
    expect((await admin.request('GET', 'secret/data/other/team')).status).toBe(403);
  });

  describe('with AppRole', () => {
    let roleId: string;
    let secretId: string;
    const settings = () => ({ auth: { method: 'approle', roleId } });
    beforeAll(async () => {
      if (!isThere) return;
      await root.request('POST', 'sys/auth/approle', { type: 'approle' });
      await root.request('POST', 'auth/approle/role/keybaton', { token_policies: ['keybaton'], token_ttl: '1h' });
      roleId = (await root.request('GET', 'auth/approle/role/keybaton/role-id')).body.data.role_id;
      secretId = (await root.request('POST', 'auth/approle/role/keybaton/secret-id', {})).body.data.secret_id;
    });

    it('logs in once and works', async () => {
      const approle = backendWith(server.url, secretId, settings());
      const first = await promoted(approle, place, 1);
      expect((await approle.describe(place, call())).main).toEqual({ kind: 'ours', version: first.version, epoch: 1 });
    });

    it('logs in again when its token was revoked', async () => {
      const approle = backendWith(server.url, secretId, settings());
      await approle.probe(place, call());
      const accessors: string[] = (await root.request('LIST', 'auth/token/accessors')).body.data.keys;
      for (const accessor of accessors) {
        const { body } = await root.request('POST', 'auth/token/lookup-accessor', { accessor });
        if (body.data?.path === 'auth/approle/login')
          await root.request('POST', 'auth/token/revoke-accessor', { accessor });
      }
      await promoted(approle, place, 1);
    });

    it('renews its token at half of its life, and logs in when it has ended', async () => {
      const approle = backendWith(server.url, secretId, settings());
      let ahead = 0;
      const later = () => call({ now: () => Date.now() + ahead, deadline: Date.now() + ahead + 60_000 });
      const logins = async () => {
        const { body } = await root.request('LIST', 'auth/token/accessors');
        return (body.data.keys as string[]).length;
      };
      await approle.probe(place, later());
      const before = await logins();
      ahead = 31 * 60_000;
      await approle.probe(place, later());
      expect(await logins()).toBe(before);
      ahead = 3 * 3_600_000;
      await approle.probe(place, later());
      expect(await logins()).toBe(before + 1);
    });

    it('does not log in again for a permission that is missing', async () => {
      const approle = backendWith(server.url, secretId, settings());
      const accessors = async () =>
        ((await root.request('LIST', 'auth/token/accessors')).body.data.keys as string[]).length;
      await approle.probe(place, call());
      const before = await accessors();
      await expect(approle.describe(placeAt('other/team'), call())).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
      expect(await accessors()).toBe(before);
    });

    it('a wrong secret id is ACCESS_DENIED and is not shown', async () => {
      const wrong = backendWith(server.url, 'canary-wrong-secret-id', settings());
      const thrown: unknown = await wrong.probe(place, call()).catch((reason: unknown) => reason);
      expect(codeOf(thrown)).toBe('ACCESS_DENIED');
      expect(String(thrown)).not.toContain('canary');
    });
  });

  it('prints nothing of material or token, even with DEBUG=*', async () => {
    const folder = temporaryFolder('vault-debug');
    const file = join(folder.path, 'secrets.json');
    const controlToken = await tokenWith(root, 'control', documentedPolicy);
    const secrets = { token, value: make().value, controlToken, control: 'control-value-of-the-debug-test' };
    writeFileSync(file, JSON.stringify(secrets), { mode: 0o600 });
    const child = spawn(
      process.execPath,
      [new URL('./vault-kv-child.ts', import.meta.url).pathname, server.url, file],
      {
        env: { ...process.env, DEBUG: '*' },
      },
    );
    let printed = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (printed += text));
    const [code] = (await once(child, 'close')) as [number];
    folder.remove();
    expect(code === 0 ? 'ended well' : printed).toBe('ended well');
    // What the search is able to find: the same client without our transport prints both.
    expect([printed.includes(secrets.control), printed.includes(controlToken)]).toEqual([true, true]);
    expect([printed.includes(secrets.value), printed.includes(token)]).toEqual([false, false]);
  });

  it('a KV version 1 mount is INVALID_CONFIG at the probe', async () => {
    await root.request('POST', 'sys/mounts/old', { type: 'kv', options: { version: '1' } });
    const old = backendWith(server.url, server.rootToken, { mount: 'old' });
    await expect(old.probe(place, call())).rejects.toThrow(/check that old is one/);
  });

  it('a sealed server is UNAVAILABLE and says sealed', async () => {
    // A server of its own: a dev server cannot be unsealed again without its key.
    const sealed = await startOpenBaoServer();
    try {
      const first = await promoted(backendWith(sealed.url, sealed.rootToken), place, 1);
      await rawVault(sealed.url, sealed.rootToken).request('PUT', 'sys/seal');
      const behind = backendWith(sealed.url, sealed.rootToken);
      for (const attempt of [
        () => behind.describe(place, call()),
        () => behind.stage(place, make(), call()),
        () => behind.destroy(place, first.version, call()),
        () => behind.probe(place, call()),
      ]) {
        await expect(attempt()).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'vault is sealed: unseal it' });
      }
    } finally {
      await sealed.stop();
    }
  });
});
