import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { crc32c } from '../../backends/google-secret-manager/crc32c.ts';
import type { GoogleSecretManagerSettings } from './google-secret-manager/state.ts';
import { bearer, rawClient } from './raw-client.ts';
import { type RunningFake, startFake } from './start.ts';

/** What the vendor's pages say, asked of the fake by plain HTTP: no adapter and no client takes part. */
let fake: RunningFake<GoogleSecretManagerSettings>;
let call: ReturnType<typeof rawClient>;
let made = 0;
let path: string;

const root = '/v1/projects/keybaton-test/secrets';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const add = async (text: string) =>
  (await call('POST', `${path}:addVersion`, { payload: { data: base64(text) } })).body;
const access = (version: string) => call('GET', `${path}/versions/${version}:access`);

beforeAll(async () => {
  fake = await startFake('google-secret-manager');
  call = rawClient(fake.url, bearer(fake.adminKey));
});
afterAll(async () => {
  await fake.stop();
});
beforeEach(async () => {
  await fake.reset();
  made += 1;
  path = `${root}/secret-${String(made)}`;
  await call('POST', `${root}?secretId=secret-${String(made)}`, { replication: { automatic: {} } });
});

describe('Google Secret Manager as it describes itself', () => {
  it('a second secret of one name is ALREADY_EXISTS', async () => {
    const { status, body } = await call('POST', `${root}?secretId=secret-${String(made)}`, {
      replication: { automatic: {} },
    });
    expect([status, body.error.status]).toEqual([409, 'ALREADY_EXISTS']);
  });

  it('versions count from 1, and adding the same payload again adds another one', async () => {
    const names = [await add('one'), await add('one')].map(({ name }) => String(name).split('/').at(-1));
    expect(names).toEqual(['1', '2']);
  });

  it('an access gives the payload with its CRC-32C, and a payload with a wrong one is refused', async () => {
    await add('one');
    const { payload } = (await access('1')).body;
    expect(payload).toEqual({ data: base64('one'), dataCrc32c: String(crc32c(Buffer.from('one'))) });
    const wrong = await call('POST', `${path}:addVersion`, { payload: { data: base64('two'), dataCrc32c: '7' } });
    expect(wrong.body.error.status).toBe('INVALID_ARGUMENT');
  });

  it('latest is the newest version even when it is disabled, and then nobody is given one', async () => {
    await add('one');
    await add('two');
    await call('POST', `${path}/versions/2:disable`, {});
    const { status, body } = await access('latest');
    expect([status, body.error.status]).toEqual([400, 'FAILED_PRECONDITION']);
    await call('POST', `${path}/versions/2:enable`, {});
    expect((await access('latest')).body.payload.data).toBe(base64('two'));
  });

  it('a destroyed version has no payload and never comes back', async () => {
    await add('one');
    expect((await call('POST', `${path}/versions/1:destroy`, {})).body.state).toBe('DESTROYED');
    expect((await call('POST', `${path}/versions/1:enable`, {})).body.error.status).toBe('FAILED_PRECONDITION');
    expect((await access('1')).body.error.status).toBe('FAILED_PRECONDITION');
  });

  it('with version_destroy_ttl a destroyed version is only disabled, and keeps its payload for that time', async () => {
    await call('PATCH', `${path}?updateMask=version_destroy_ttl`, { versionDestroyTtl: '86400s' });
    await add('one');
    const { body } = await call('POST', `${path}/versions/1:destroy`, {});
    expect(body.state).toBe('DISABLED');
    expect(Date.parse(body.scheduledDestroyTime)).toBeGreaterThan(Date.now());
  });

  it('an alias is moved under the etag of the secret, and a stale one is ABORTED', async () => {
    await add('one');
    await add('two');
    const { etag } = (await call('GET', path)).body;
    const point = (n: string, seen: string) =>
      call('PATCH', `${path}?updateMask=version_aliases`, { etag: seen, versionAliases: { now: n } });
    expect((await point('1', etag)).status).toBe(200);
    expect((await access('now')).body.payload.data).toBe(base64('one'));
    const stale = await point('2', etag);
    expect([stale.status, stale.body.error.status]).toEqual([409, 'ABORTED']);
  });

  it.each(['latest', 'NEW', '1st', 'a b'])('%s can be no alias', async (alias) => {
    await add('one');
    const { body } = await call('PATCH', `${path}?updateMask=version_aliases`, { versionAliases: { [alias]: '1' } });
    expect(body.error.status).toBe('INVALID_ARGUMENT');
  });

  it('lists versions newest first, in pages', async () => {
    for (const text of ['1', '2', '3']) await add(text);
    const first = (await call('GET', `${path}/versions?pageSize=2`)).body;
    const rest = (await call('GET', `${path}/versions?pageSize=2&pageToken=${first.nextPageToken}`)).body;
    const numbers = [...first.versions, ...rest.versions].map(({ name }) => String(name).split('/').at(-1));
    expect([numbers, rest.nextPageToken]).toEqual([['3', '2', '1'], undefined]);
  });

  it('finds secrets by a label', async () => {
    await call('POST', `${root}?secretId=labelled-${String(made)}`, {
      replication: { automatic: {} },
      labels: { place: `p${String(made)}` },
    });
    const { secrets } = (await call('GET', `${root}?filter=labels.place%3Dp${String(made)}`)).body;
    expect(secrets.map(({ name }: { name: string }) => name.split('/').at(-1))).toEqual([`labelled-${String(made)}`]);
  });

  it('erases a secret at once with all its versions, and numbers begin anew after that', async () => {
    await add('one');
    await call('DELETE', path);
    expect((await access('1')).status).toBe(404);
    await call('POST', `${root}?secretId=secret-${String(made)}`, { replication: { automatic: {} } });
    expect(String((await add('two')).name).endsWith('/versions/1')).toBe(true);
  });

  it('an unknown token is UNAUTHENTICATED, and a missing permission looks like a missing secret', async () => {
    const token = `token-${String(made)}`;
    const stranger = rawClient(fake.url, bearer(token));
    expect((await stranger('GET', path)).body.error.status).toBe('UNAUTHENTICATED');
    await fake.control('POST', '/grant', {
      token,
      allowed: [{ permissions: ['secretmanager.secrets.get'], prefix: 'x' }],
    });
    const { status, body } = await stranger('GET', path);
    expect([status, body.error.status]).toEqual([403, 'PERMISSION_DENIED']);
  });
});
