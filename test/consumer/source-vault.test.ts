import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { vault } from '../../consumer/sources/vault.ts';
import type { VaultAuth } from '../../consumer/sources/vault.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import type { TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { missingTool } from '../../scripts/servers/tools.ts';
import { backendWith, placeAt } from '../backends/vault-kv-subject.ts';
import { type OpenBaoServer, startOpenBaoServer } from '../support/openbao-server.ts';
import { urlOf } from './harness.ts';
import { sourceScenarios } from './source-scenarios.ts';
import { storeOf } from './stores.ts';
import { jwt, openVaultReaders } from './vault-readers.ts';

const missing = missingTool('openbao');

let server: OpenBaoServer;
let folder: TemporaryFolder;
let readers: Awaited<ReturnType<typeof openVaultReaders>>;

beforeAll(async () => {
  if (missing !== undefined) return;
  folder = temporaryFolder('source-vault');
  server = await startOpenBaoServer();
  readers = await openVaultReaders(server);
});
afterAll(async () => {
  if (missing !== undefined) return;
  await server.stop();
  folder.remove();
});

const fresh = () => `ai/prod/${randomBytes(6).toString('hex')}/keys/support-bot`;

/** The store, read by somebody who signs in so. */
const opened = (auth: () => VaultAuth) => () => {
  const path = fresh();
  const source = () => vault({ address: server.url, path, auth: auth() });
  return storeOf(backendWith(server.url, readers.keybaton), placeAt(path), source);
};

describe('Vault, by a token', () => {
  sourceScenarios(
    opened(() => ({ method: 'token', token: readers.consumer })),
    { earlier: 'shown', missing },
  );
});

describe('signing in', () => {
  const path = fresh();
  const read = (auth: VaultAuth, more: object = {}) =>
    vault({ address: server.url, path, auth, ...more }).current(AbortSignal.timeout(20_000));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder.path, name), text);
    return join(folder.path, name);
  };
  beforeAll(async () => {
    if (missing === undefined)
      await readers.done(`secret/data/${path}`, { data: { api_key: 'canary-7b2d', port: 5432 } });
  });

  test('by a token of a service account or another issuer, from its file', async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    const jwtFile = file('jwt', `${jwt()}\n`);
    expect(await read({ method: 'jwt', role: 'bot', jwtFile })).toEqual({ api_key: 'canary-7b2d', port: '5432' });
    const tokenFile = file('sink', `${readers.consumer}\n`);
    expect(await read({ method: 'token-file', tokenFile })).toMatchObject({ port: '5432' });
    expect(await read({ method: 'token', token: async () => readers.consumer })).toMatchObject({ port: '5432' });
  });

  test('once for however many read, anew before its end, and with what is in hand while that is not possible', async ({
    skip,
  }) => {
    if (missing !== undefined) skip(missing);
    let logins = 0;
    const jwtFile = file('brief', jwt());
    const source = vault({
      address: server.url,
      path,
      auth: { method: 'jwt', role: 'bot', jwtFile },
      fetch: async (...asked) => {
        if (urlOf(asked[0]).endsWith('/login')) logins += 1;
        return fetch(...asked);
      },
    });
    const ending = AbortSignal.timeout(20_000);
    await Promise.all([source.current(ending), source.current(ending), source.current(ending)]);
    expect(logins).toBe(1);
    const later = (minutes: number) => vi.setSystemTime(Date.now() + minutes * 60_000);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
    try {
      later(50);
      await source.current(ending);
      expect(logins).toBe(2);
      rmSync(jwtFile);
      later(50);
      await source.current(ending);
      later(20);
      await expect(source.current(ending)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
      expect(logins).toBe(2);
    } finally {
      vi.useRealTimers();
    }
  });

  test('again when a token was ended before its time', async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    let token = '';
    const jwtFile = file('ended', jwt());
    const source = vault({
      address: server.url,
      path,
      auth: { method: 'jwt', role: 'bot', jwtFile },
      fetch: async (input, init) => {
        token = new Headers(init?.headers).get('x-vault-token') ?? token;
        return fetch(input, init);
      },
    });
    const ending = AbortSignal.timeout(20_000);
    await source.current(ending);
    const first = token;
    await readers.done('auth/token/revoke', { token: first });
    await source.current(ending);
    expect(token).not.toBe(first);
  });

  test('that fails says why, and shows neither token nor value', async ({ skip }) => {
    if (missing !== undefined) skip(missing);
    const wrong = jwt('another');
    const told = async (reading: Promise<unknown>): Promise<{ code?: string; message: string }> =>
      reading.then(
        () => ({ message: 'it worked' }),
        (error: { code: string; message: string }) => ({ code: error.code, message: error.message }),
      );
    const denied = await told(read({ method: 'jwt', role: 'bot', jwtFile: file('wrong', wrong) }));
    expect(denied).toMatchObject({ message: expect.stringContaining('audience') as string });
    expect(denied.message).not.toContain(wrong);
    const missingFile: VaultAuth = { method: 'kubernetes', role: 'bot', jwtFile: join(folder.path, 'no-such') };
    expect(await told(read(missingFile))).toMatchObject({ code: 'INVALID_CONFIG' });
    const by: VaultAuth = { method: 'token', token: readers.consumer };
    expect(await told(read({ method: 'token', token: 'no-such' }))).toMatchObject({ code: 'ACCESS_DENIED' });
    expect(await told(read(by, { path: fresh() }))).toMatchObject({ code: 'NOT_FOUND' });
    expect(await told(read(by, { path: 'other' }))).toMatchObject({ code: 'ACCESS_DENIED' });
    const nobody = `http://127.0.0.1:${String(await freePort())}`;
    expect(await told(read(by, { address: nobody }))).toMatchObject({ code: 'NO_ANSWER' });
  });
});
