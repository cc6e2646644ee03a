// The backend's calls on drongo, an emulator of Google Secret Manager that somebody else wrote (0.8.0), where
// it is right: that addresses, methods and shapes are what others also take for Google's. Only `.ci/run` brings it by itself; for anybody else:
// node scripts/setup/emulators.mjs
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backend, Place } from '../../backends/backend.ts';
import { type VersionId, versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { type Emulator, missingEmulators, startDrongo } from '../../scripts/servers/emulator.ts';
import { backendWith, nameOf, placeAt, secretsPath } from '../backends/google-subject.ts';
import { bearer, rawClient } from '../fakes/raw-client.ts';

const missing = missingEmulators();
const call = () => ({ signal: new AbortController().signal, deadline: Date.now() + 60_000, now: () => Date.now() });

describe('google-secret-manager on drongo', () => {
  let drongo: Emulator;
  let backend: Backend;
  let place: Place;
  let raw: ReturnType<typeof rawClient>;
  beforeAll(async () => {
    if (missing === undefined) drongo = await startDrongo();
  });
  afterAll(async () => {
    if (missing === undefined) await drongo.stop();
  });
  beforeEach(({ skip }) => {
    if (missing !== undefined) skip(missing);
    backend = backendWith(drongo.url, 'any-token');
    raw = rawClient(drongo.url, bearer('any-token'));
    place = placeAt(`ai/prod/${randomBytes(6).toString('hex')}`);
  });

  function make() {
    const material = new SecretMaterial({ api_key: `canary-drongo-${randomBytes(8).toString('hex')}` }, 'api_key');
    return { version: versionIdFrom(randomBytes(64)), ref: { id: 'key-1' }, material };
  }
  async function promoted(epoch: number, expected?: VersionId) {
    const made = make();
    await backend.stage(place, made, call());
    await backend.promote(place, { version: made.version, epoch, expected }, call());
    return made;
  }
  const versions = async () => {
    const { body } = await raw('GET', `${secretsPath}/${nameOf(place.path)}/versions`);
    return body.versions as readonly { readonly name: string; readonly state: string }[];
  };

  it('probes, stages once, and refuses another value', async () => {
    const made = make();
    await backend.probe(place, call());
    await backend.stage(place, made, call());
    await backend.stage(place, made, call());
    await expect(backend.stage(place, { ...make(), version: made.version }, call())).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    expect(await backend.describe(place, call())).toEqual({ main: { kind: 'empty' }, staged: [made.version] });
  });

  it('promotes, refuses a rival, and rolls back', async () => {
    const first = await promoted(1);
    const second = await promoted(2, first.version);
    expect((await backend.read(place, 'current', call())).version).toBe(second.version);
    const third = make();
    await backend.stage(place, third, call());
    const rival = backend.promote(place, { version: third.version, epoch: 2, expected: first.version }, call());
    await expect(rival).rejects.toMatchObject({ code: 'CONFLICT' });
    await backend.promote(place, { version: first.version, epoch: 3, expected: second.version }, call());
    expect((await backend.describe(place, call())).main).toEqual({ kind: 'ours', version: first.version, epoch: 3 });
  });

  it('destroys every copy of an old version, never what is current', async () => {
    const first = await promoted(1);
    const second = await promoted(2, first.version);
    await expect(backend.destroy(place, second.version, call())).rejects.toMatchObject({ code: 'CONFLICT' });
    await backend.destroy(place, first.version, call());
    expect((await versions()).map(({ state }) => state).toSorted()).toEqual(['DESTROYED', 'ENABLED']);
    await expect(backend.read(place, first.version, call())).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('calls a version that somebody disabled closed, not absent', async () => {
    const first = await promoted(1);
    await raw(
      'POST',
      `${secretsPath}/keybaton-staging__${nameOf(place.path)}__${first.version}/versions/1:disable`,
      {},
    );
    await expect(backend.stage(place, first, call())).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  /** A secret of three versions. */
  async function raised() {
    const secret = `${secretsPath}/wrong-${randomBytes(6).toString('hex')}`;
    const id = secret.split('/').at(-1) ?? '';
    await raw('POST', `${secretsPath}?secretId=${id}`, { replication: { automatic: {} } });
    const data = Buffer.from('value').toString('base64');
    for (let n = 0; n < 3; n += 1) await raw('POST', `${secret}:addVersion`, { payload: { data } });
    return secret;
  }
  const status = async (method: string, path: string, body?: object) => (await raw(method, path, body)).status;

  // What Google does then is shown with the fake of ours: test/fakes/google-secret-manager.test.ts. A skip ends by itself when drongo does so too.
  it.for<{ what: string; why: string; right: (secret: string) => Promise<boolean> }>([
    {
      what: 'points readers of an alias to a version',
      why: 'drongo answers that it changed version_aliases, and stores none',
      right: async (secret) => {
        await raw('PATCH', `${secret}?updateMask=version_aliases`, { versionAliases: { current: 1 } });
        return (await status('GET', `${secret}/versions/current:access`)) === 200;
      },
    },
    {
      what: 'refuses a stale etag',
      why: 'drongo takes every etag',
      right: async (secret) => (await status('POST', `${secret}/versions/1:disable`, { etag: '"stale"' })) >= 400,
    },
    {
      what: 'gives the newest version as latest, disabled or not',
      why: 'drongo gives the newest enabled one',
      right: async (secret) => {
        await raw('POST', `${secret}/versions/3:disable`, {});
        return (await status('GET', `${secret}/versions/latest:access`)) === 400;
      },
    },
    {
      what: 'refuses a payload with a wrong checksum',
      why: 'drongo checks no checksum',
      right: async (secret) => {
        const payload = { data: Buffer.from('other').toString('base64'), dataCrc32c: '1' };
        return (await status('POST', `${secret}:addVersion`, { payload })) === 400;
      },
    },
    {
      what: 'keeps a destroyed version destroyed',
      why: 'drongo enables it again',
      right: async (secret) => {
        await raw('POST', `${secret}/versions/1:destroy`, {});
        return (await status('POST', `${secret}/versions/1:enable`, {})) === 400;
      },
    },
  ])('$what', async ({ why, right }, { skip }) => {
    const isRight = await right(await raised());
    if (!isRight) skip(why);
    expect(isRight).toBe(true);
  });
});
