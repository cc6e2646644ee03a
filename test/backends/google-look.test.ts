import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backend, Place } from '../../backends/backend.ts';
import { shown } from '../../conformance/backend/bench.ts';
import { codeOf } from '../../domain/errors.ts';
import { type VersionId, versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { eventually } from '../fakes/poll.ts';
import { bearer, rawClient } from '../fakes/raw-client.ts';
import { startFake } from '../fakes/start.ts';
import { backendWith, copiesOf, type GoogleFake, nameOf, placeAt, secretsPath } from './google-subject.ts';

let fake: GoogleFake;
let place: Place;
let backend: Backend;
let raw: ReturnType<typeof rawClient>;
beforeAll(async () => {
  fake = await startFake('google-secret-manager');
  raw = rawClient(fake.url, bearer(fake.adminKey));
});
afterAll(async () => {
  await fake.stop();
});
beforeEach(async () => {
  await fake.reset();
  place = placeAt(`ai/prod/${randomBytes(6).toString('hex')}`);
  backend = backendWith(fake.url, fake.adminKey);
});

const call = () => ({ signal: AbortSignal.timeout(60_000), deadline: Date.now() + 60_000, now: () => Date.now() });

function make() {
  const value = `canary-google-${randomBytes(8).toString('hex')}`;
  const material = new SecretMaterial({ api_key: value }, 'api_key');
  return { version: versionIdFrom(randomBytes(64)), value, ref: { id: 'key-1' }, material };
}

async function staged(by = backend) {
  const made = make();
  await by.stage(place, made, call());
  return made;
}

async function promoted(by: Backend, epoch: number, expected?: VersionId) {
  const made = await staged(by);
  await by.promote(place, { version: made.version, epoch, expected }, call());
  return made;
}

const main = () => `${secretsPath}/${nameOf(place.path)}`;
const latest = async () => {
  const { body } = await raw('GET', `${main()}/versions/latest:access`);
  return JSON.parse(Buffer.from(body.payload.data, 'base64').toString('utf8'));
};
/** As another tool does it: read, change and add at once. */
const byHand = (fields: object, alias?: string) =>
  fake.control('POST', '/write', { secret: nameOf(place.path), fields, alias });

/** Starts a call that the fake holds before this operation takes effect. */
async function heldAt(
  operation: string,
  start: () => Promise<void>,
): Promise<{ outcome: Promise<unknown>; letGo: () => Promise<void> }> {
  await fake.faults({ delay: { [operation]: 60_000 } });
  const outcome = start().then(
    () => 'done',
    (reason: unknown) => reason,
  );
  await eventually(
    () => fake.activity(),
    ({ inProgress }) => inProgress[operation] === 1,
  );
  return { outcome, letGo: () => fake.faults({ delay: {} }) };
}

describe('a promotion for readers of latest that is overtaken between its look and its write', () => {
  async function scene() {
    const first = await promoted(backend, 1);
    const second = await staged();
    const third = await staged();
    const start = () => backend.promote(place, { version: second.version, epoch: 2, expected: first.version }, call());
    return { second, third, ...(await heldAt('addSecretVersion', start)) };
  }

  it('by a hand that changes another field joins that field in', async () => {
    const { second, outcome, letGo } = await scene();
    await byHand({ REGION: 'eu-west-1' });
    await letGo();
    expect(await outcome).toBe('done');
    expect(await latest()).toMatchObject({ REGION: 'eu-west-1', api_key: second.value, keybaton_epoch: '2' });
  });

  it('by a hand that pastes a value is CONFLICT, and what was pasted is put back', async () => {
    const { outcome, letGo } = await scene();
    await byHand({ api_key: 'pasted-by-hand' });
    await letGo();
    expect(codeOf(await outcome)).toBe('CONFLICT');
    expect((await latest()).api_key).toBe('pasted-by-hand');
  });

  it('by a newer epoch is CONFLICT, and the newer one is put back', async () => {
    const { third, outcome, letGo } = await scene();
    await byHand({ api_key: third.value, keybaton_version: third.version, keybaton_epoch: '3' });
    await letGo();
    expect(codeOf(await outcome)).toBe('CONFLICT');
    expect((await backend.describe(place, call())).main).toEqual({ kind: 'ours', version: third.version, epoch: 3 });
  });
});

describe('a promotion for readers of an alias', () => {
  const readBy = { what: 'alias', alias: 'in-use' };
  const byAlias = () => backendWith(fake.url, fake.adminKey, { readBy });

  it.each(['ABORTED', 'FAILED_PRECONDITION'] as const)(
    'that is overtaken by a hand is made anew with its field, where a stale etag is %s',
    async (etagMismatch) => {
      await fake.settings({ etagMismatch });
      const aliased = byAlias();
      const first = await promoted(aliased, 1);
      const second = await staged(aliased);
      const start = () =>
        aliased.promote(place, { version: second.version, epoch: 2, expected: first.version }, call());
      const { outcome, letGo } = await heldAt('updateSecret', start);
      await byHand({ REGION: 'eu-west-1' }, 'in-use');
      await letGo();
      expect(await outcome).toBe('done');
      const { body } = await raw('GET', `${main()}/versions/in-use:access`);
      const now = JSON.parse(Buffer.from(body.payload.data, 'base64').toString('utf8'));
      expect(now).toMatchObject({ REGION: 'eu-west-1', api_key: second.value });
      // What was added for nothing is not left behind.
      expect(await copiesOf(fake, [nameOf(place.path)], second.value)).toBe(1);
    },
  );

  it("keeps other people's aliases", async () => {
    const aliased = byAlias();
    const first = await promoted(aliased, 1);
    await raw('PATCH', `${main()}?updateMask=version_aliases`, { versionAliases: { 'in-use': '1', canary: '1' } });
    await promoted(aliased, 2, first.version);
    expect((await raw('GET', main())).body.versionAliases).toEqual({ 'in-use': '2', canary: '1' });
  });

  it('leaves readers of the alias with the old version until it is moved', async () => {
    const aliased = byAlias();
    const first = await promoted(aliased, 1);
    await byHand({ api_key: 'newer, and nobody points to it' });
    expect((await aliased.describe(place, call())).main).toEqual({ kind: 'ours', version: first.version, epoch: 1 });
  });
});

describe('what Google makes hard', () => {
  it('lists that run behind change nothing: versions are read by number', async () => {
    const first = await promoted(backend, 1);
    await fake.settings({ listsLackNewest: 2 });
    const second = await promoted(backend, 2, first.version);
    expect((await backend.describe(place, call())).main).toEqual({ kind: 'ours', version: second.version, epoch: 2 });
    await backend.destroy(place, first.version, call());
    expect(await copiesOf(fake, [nameOf(place.path)], first.value)).toBe(0);
  });

  it('an old version that somebody disabled is destroyed too, and another one stays disabled', async () => {
    await byHand({ REGION: 'eu-west-1' });
    const first = await promoted(backend, 1);
    await promoted(backend, 2, first.version);
    for (const n of [1, 2]) await raw('POST', `${main()}/versions/${String(n)}:disable`, {});
    await backend.destroy(place, first.version, call());
    const states = (await raw('GET', `${main()}/versions`)).body.versions.map(({ state }: { state: string }) => state);
    expect(states).toEqual(['ENABLED', 'DESTROYED', 'DISABLED']);
  });

  it('when the newest version was disabled by hand nothing is current, and a promotion mends it', async () => {
    const first = await promoted(backend, 1);
    await raw('POST', `${main()}/versions/1:disable`, {});
    expect((await backend.describe(place, call())).main).toEqual({ kind: 'empty' });
    await expect(backend.destroy(place, first.version, call())).rejects.toMatchObject({ code: 'CONFLICT' });
    await backend.promote(place, { version: first.version, epoch: 2, expected: first.version }, call());
    expect((await latest()).api_key === first.value).toBe(true);
  });

  it('a plain text in the secret is foreign, and is not taken over as the same value', async () => {
    const made = await staged();
    await raw('POST', `${secretsPath}?secretId=${nameOf(place.path)}`, { replication: { automatic: {} } });
    await raw('POST', `${main()}:addVersion`, { payload: { data: Buffer.from(made.value).toString('base64') } });
    expect((await backend.describe(place, call())).main).toEqual({ kind: 'foreign', claims: undefined });
    const takeOver = { version: made.version, epoch: 1, expected: undefined, overwriteForeign: 'same value' } as const;
    await expect(backend.promote(place, takeOver, call())).rejects.toThrow(/plain text/);
  });

  it('the probe refuses a secret that keeps what was destroyed, and a policy that makes such secrets', async () => {
    await promoted(backend, 1);
    await raw('PATCH', `${main()}?updateMask=version_destroy_ttl`, { versionDestroyTtl: '86400s' });
    await expect(backend.probe(place, call())).rejects.toThrow(/version_destroy_ttl/);
    await fake.settings({ versionDestroyTtl: '86400s' });
    await expect(backend.probe(placeAt('ai/other'), call())).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });

  it('two paths never share a secret: what could be taken for another one is refused', async () => {
    for (const path of ['ai/a__b', 'ai/_a', 'ai/a.b', 'keybaton-staging/x', 'keybaton-staging'])
      await expect(backend.describe(placeAt(path), call())).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    const rooted = backendWith(fake.url, fake.adminKey, { root: 'ai/prod' });
    await expect(rooted.describe(placeAt('ai/test/x'), call())).rejects.toThrow(/below ai\/prod/);
  });

  it('gives an admin secret that people keep there, as a text or as one of several fields', async () => {
    await byHand({ token: 'of-the-admin', note: 'x' });
    expect((await backend.lookUp?.(place.path, 'token', call()))?.revealValue()).toBe('of-the-admin');
    await expect(backend.lookUp?.(place.path, 'absent', call())).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('errors name neither the token nor a value, even where the answer does', async () => {
    const made = await staged();
    await fake.faults({ secretInErrors: true, failNext: { count: 50, status: 403 } });
    const thrown: unknown = await backend.read(place, made.version, call()).catch((reason: unknown) => reason);
    expect(codeOf(thrown)).toBe('ACCESS_DENIED');
    expect([shown(thrown).includes(made.value), shown(thrown).includes(fake.adminKey)]).toEqual([false, false]);
  });

  it.each([
    [429, 'RATE_LIMITED', 'RATE_LIMITED'],
    [500, 'AMBIGUOUS', 'UNAVAILABLE'],
    [503, 'AMBIGUOUS', 'UNAVAILABLE'],
    [403, 'ACCESS_DENIED', 'ACCESS_DENIED'],
  ])('%i is %s for a write and %s for a read', async (status, write, read) => {
    await fake.faults({ failNext: { operation: 'createSecret', count: 1, status } });
    const writing: unknown = await backend.stage(place, make(), call()).catch((reason: unknown) => reason);
    await fake.faults({ failNext: { operation: 'listSecrets', count: 1, status } });
    const reading: unknown = await backend.describe(place, call()).catch((reason: unknown) => reason);
    expect([codeOf(writing), codeOf(reading)]).toEqual([write, read]);
  });
});
