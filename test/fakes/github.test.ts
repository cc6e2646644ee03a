import { createSign, generateKeyPairSync } from 'node:crypto';
import sodium from 'libsodium-wrappers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GithubFakeSettings } from './github/server.ts';
import { bearer } from './raw-client.ts';
import { type RunningFake, startFake } from './start.ts';

/** What the pages of GitHub say, asked of the fake by plain HTTP: no adapter takes part. */
let fake: RunningFake<GithubFakeSettings>;
const repository = '/repos/acme/bots/actions';
const environment = '/repos/acme/bots/environments/production';
beforeAll(async () => {
  await sodium.ready;
  fake = await startFake('github');
});
afterAll(() => fake.stop());
beforeEach(async () => {
  await fake.reset();
  await fake.control('POST', '/empty');
});

async function ask(method: string, path: string, body?: object, token = fake.adminKey) {
  const answer = await fetch(`${fake.url}${path}`, {
    method,
    headers: bearer(token),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  // Whatever the server says: a wrong shape fails the assertion.
  return { status: answer.status, body: text === '' ? undefined : JSON.parse(text) };
}

/** As the page on encrypting secrets shows it, with libsodium alone. */
async function sealed(value: string, at = repository) {
  const { key, key_id } = (await ask('GET', `${at}/secrets/public-key`)).body;
  const box = sodium.crypto_box_seal(value, sodium.from_base64(key, sodium.base64_variants.ORIGINAL));
  return { encrypted_value: Buffer.from(box).toString('base64'), key_id };
}
const put = async (name: string, value: string, at = repository) =>
  ask('PUT', `${at}/secrets/${name}`, await sealed(value, at));
const run = async (scope = 'acme/bots') => {
  // The control port is ours: its answers have this shape.
  const all = (await fake.control('GET', '/run')) as Record<string, { secrets: object; vars: object }>;
  return all[scope];
};

describe('secrets and variables of a repository, as the pages of GitHub describe them', () => {
  it('a sealed secret is 201 when it is made and 204 when it is replaced, and workflows get its value', async () => {
    expect((await put('API_KEY', 'one')).status).toBe(201);
    expect((await put('API_KEY', 'two')).status).toBe(204);
    expect((await run())?.secrets).toEqual({ API_KEY: 'two' });
  });

  it('shows of a secret its name and times, never its value', async () => {
    await put('API_KEY', 'one');
    const { body } = await ask('GET', `${repository}/secrets/API_KEY`);
    expect(Object.keys(body)).toEqual(expect.arrayContaining(['name', 'created_at', 'updated_at']));
    expect(JSON.stringify(body)).not.toContain('one');
  });

  it('knows names without regard to case', async () => {
    await put('api_key', 'one');
    expect((await ask('GET', `${repository}/secrets/API_KEY`)).body.name).toBe('API_KEY');
  });

  it('refuses what was sealed for another key, or was not sealed', async () => {
    const before = await sealed('one');
    await fake.control('POST', '/rotate-key');
    expect((await ask('PUT', `${repository}/secrets/API_KEY`, before)).status).toBe(422);
    const { key_id } = await sealed('one');
    const clear = { encrypted_value: Buffer.from('one').toString('base64'), key_id };
    expect((await ask('PUT', `${repository}/secrets/API_KEY`, clear)).status).toBe(422);
    expect(await run()).toMatchObject({ secrets: {} });
  });

  it('refuses names that begin with GITHUB_ or a digit', async () => {
    expect([(await put('GITHUB_KEY', 'one')).status, (await put('1KEY', 'one')).status]).toEqual([422, 422]);
  });

  it('refuses a value of more than 48 KB', async () => {
    expect((await put('API_KEY', 'x'.repeat(49_153))).status).toBe(422);
  });

  it('a deleted secret is 204, then 404', async () => {
    await put('API_KEY', 'one');
    const gone = async () => (await ask('DELETE', `${repository}/secrets/API_KEY`)).status;
    expect([await gone(), await gone()]).toEqual([204, 404]);
  });

  it('a variable is made once, is read back, and is changed under its name', async () => {
    const made = { name: 'MARK', value: 'one' };
    expect((await ask('POST', `${repository}/variables`, made)).status).toBe(201);
    expect((await ask('POST', `${repository}/variables`, made)).status).toBe(409);
    expect((await ask('PATCH', `${repository}/variables/MARK`, { value: 'two' })).status).toBe(204);
    expect((await ask('GET', `${repository}/variables/MARK`)).body).toMatchObject({ name: 'MARK', value: 'two' });
    expect((await ask('DELETE', `${repository}/variables/MARK`)).status).toBe(204);
    expect((await ask('PATCH', `${repository}/variables/MARK`, { value: 'three' })).status).toBe(404);
  });

  it('an environment has secrets of its own, and one that is not there is 404', async () => {
    await put('API_KEY', 'of the environment', environment);
    expect((await run('acme/bots#production'))?.secrets).toEqual({ API_KEY: 'of the environment' });
    expect((await ask('GET', `${repository}/secrets/API_KEY`)).status).toBe(404);
    expect((await ask('GET', '/repos/acme/bots/environments/staging/secrets/public-key')).status).toBe(404);
  });

  it('a token without the right is 403, an unknown one 401, and what one may not see 404', async () => {
    await fake.control('POST', '/rights', { token: 'reader', rights: { secrets: 'read' } });
    expect((await ask('DELETE', `${repository}/secrets/API_KEY`, undefined, 'reader')).status).toBe(403);
    expect((await ask('GET', `${repository}/variables/MARK`, undefined, 'reader')).status).toBe(403);
    expect((await ask('GET', `${repository}/secrets/public-key`, undefined, 'nobody')).status).toBe(401);
    expect((await ask('GET', '/repos/acme/other/actions/secrets/public-key')).status).toBe(404);
  });

  it('answers the second kind of rate limit with 403 and its own message', async () => {
    await fake.settings({ slowDown: true });
    const { status, body } = await ask('GET', `${repository}/secrets/public-key`);
    expect([status, body.message]).toEqual([403, expect.stringContaining('secondary rate limit')]);
  });
});

describe('a GitHub App, as the pages describe it', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const base64 = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const now = () => Math.floor(Date.now() / 1_000);
  function signed(claims: object): string {
    const text = `${base64({ alg: 'RS256', typ: 'JWT' })}.${base64({ iat: now() - 60, exp: now() + 300, iss: '42', ...claims })}`;
    return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey).toString('base64url')}`;
  }
  const tokenBy = (jwt: string) => ask('POST', '/app/installations/7/access_tokens', {}, jwt);
  beforeEach(() => fake.settings({ appKey: String(publicKey.export({ type: 'spki', format: 'pem' })) }));

  it('gets a token for what it signed, with the time when that ends', async () => {
    const { status, body } = await tokenBy(signed({}));
    expect(status).toBe(201);
    expect(Date.parse(body.expires_at)).toBeGreaterThan(Date.now());
    expect((await ask('GET', `${repository}/secrets/public-key`, undefined, body.token)).status).toBe(200);
  });

  it('gets none for more than ten minutes, for what has ended, as another app, or unsigned', async () => {
    const [head = '', claims = ''] = signed({}).split('.');
    const bad = [
      signed({ exp: now() + 660 }),
      signed({ exp: now() - 1 }),
      signed({ iss: '43' }),
      `${head}.${claims}.AAAA`,
    ];
    for (const jwt of bad) expect((await tokenBy(jwt)).status).toBe(401);
  });

  it('a token that was ended is good no more', async () => {
    const { token } = (await tokenBy(signed({}))).body;
    await fake.control('POST', '/end-tokens');
    expect((await ask('GET', `${repository}/secrets/public-key`, undefined, token)).status).toBe(401);
  });
});
