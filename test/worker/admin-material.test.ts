import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { readAdmin } from '../../worker/admin-material.ts';

describe('an admin reference', () => {
  const folder = temporaryFolder('admin');
  afterAll(() => folder.remove());
  const canary = 'canary-4f1e9a';
  const never = (): Promise<never> => Promise.reject(new Error('not asked for'));
  const nobody = { managed: never, looked: never };
  const file = (text: string, mode = 0o600): string => {
    const path = join(folder.path, `admin-${Math.abs(text.length * 31 + mode)}`);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return `file:${path}`;
  };

  it('is read from the environment at the moment of use', async () => {
    expect((await readAdmin('env:ADMIN', { ADMIN: canary }, nobody)).revealValue()).toBe(canary);
    await expect(readAdmin('env:ADMIN', {}, nobody)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('is read from a file that only its owner may read: plain text, or named fields', async () => {
    expect((await readAdmin(file(`${canary}\n`), {}, nobody)).revealValue()).toBe(canary);
    const login = await readAdmin(file(JSON.stringify({ username: 'root', password: canary })), {}, nobody);
    expect([login.reveal()['username'], login.revealValue()]).toEqual(['root', canary]);
    await expect(readAdmin(file(`${canary} open`, 0o644), {}, nobody)).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
    });
    await expect(readAdmin(file(' \n'), {}, nobody)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    await expect(readAdmin(`file:${folder.path}/none`, {}, nobody)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('names a credential that keybaton rotates too', async () => {
    const id = parseCredentialId('openai/prod/admin');
    const managed = (asked: string) => Promise.resolve(new SecretMaterial({ key: asked }, 'key'));
    expect((await readAdmin(`credential:${id}`, {}, { ...nobody, managed })).revealValue()).toBe(id);
  });

  it('names what people keep in a backend', async () => {
    const looked = (backend: string, path: string, field: string | undefined) =>
      Promise.resolve(new SecretMaterial({ key: `${backend} ${path} ${field}` }, 'key'));
    const read = await readAdmin('vault:main/ai/admin#token', {}, { ...nobody, looked });
    expect(read.revealValue()).toBe('main ai/admin token');
  });

  it('never shows what it read, whatever is wrong with it', async () => {
    const wrong = file(`{"password": ["${canary}"]}`);
    const thrown: unknown = await readAdmin(wrong, {}, nobody).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'INVALID_CONFIG' });
    expect(String((thrown as Error).stack)).not.toContain(canary);
    await expect(readAdmin(undefined, {}, nobody)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });
});
