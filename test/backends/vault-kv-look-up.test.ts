import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vaultKvBackend } from '../../backends/vault-kv.ts';
import { vaultKvSettings } from '../../backends/vault-kv/settings.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { needs } from '../support/needs.ts';
import { startOpenBaoServer, type OpenBaoServer } from '../support/openbao-server.ts';

const isThere = needs('openbao');

describe('vault-kv, looked into for an admin credential', () => {
  let server: OpenBaoServer;
  beforeAll(async () => {
    if (isThere) server = await startOpenBaoServer();
  });
  afterAll(async () => {
    if (isThere) await server.stop();
  });

  it('shows the field that people keep there, and calls an absent path or field absent', async () => {
    const { url, rootToken } = server;
    const written = await fetch(`${url}/v1/secret/data/ai/admin`, {
      method: 'POST',
      headers: { 'x-vault-token': rootToken },
      body: JSON.stringify({ data: { token: 'canary-admin', note: 'by hand' } }),
    });
    expect(written.status).toBe(200);
    const backend = vaultKvBackend(vaultKvSettings.parse({ address: url, mount: 'secret' }), {
      name: 'main',
      admin: () => Promise.resolve(new SecretMaterial({ value: rootToken }, 'value')),
    });
    const call = { signal: AbortSignal.timeout(10_000), deadline: Date.now() + 10_000, now: () => Date.now() };
    expect((await backend.lookUp?.('ai/admin', 'token', call))?.revealValue()).toBe('canary-admin');
    await expect(backend.lookUp?.('ai/admin', 'other', call)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(backend.lookUp?.('ai/none', undefined, call)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
