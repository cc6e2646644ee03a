import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backend, BackendCall } from '../../backends/backend.ts';
import { shown } from '../../conformance/backend/bench.ts';
import { codeOf } from '../../domain/errors.ts';
import { type VersionId, versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import { startFake } from '../fakes/start.ts';
import { backendWith, type GithubFake, githubSubject, placeAt, runIn, scope } from './github-subject.ts';
import { runBackendSuite } from './run-backend-suite.ts';

let fake: GithubFake;
beforeAll(async () => {
  fake = await startFake('github');
});
afterAll(async () => {
  await fake.stop();
});

describe('GitHub Actions', () => {
  runBackendSuite({
    create: githubSubject(() => fake),
    skips: [
      {
        reason: 'nothing can be read back from GitHub',
        tests: [
          'stage keeps the whole envelope, and read gives it back',
          'stage of the same version and value again changes nothing',
          'places beside and below each other do not mix',
          'promote without a mapping writes every field under its own name',
          'promote takes over what was written by hand where it is the same value, and nothing else',
          'promote over a foreign value never goes behind the epoch that it claims',
          'read of what is absent is NOT_FOUND',
          'read of current gives version, epoch, ref and material',
          'read of current over a value that is not ours is CONFLICT, never our older value',
          'describe of an untouched place is empty',
          'describe calls a place empty when only fields that are not ours are there',
          'describe says foreign when one mapped field was changed and the mark stayed',
          'describe says foreign when the mark was changed and the fields stayed',
          'describe says foreign, without a claim, for a value that was never ours',
          'describe never holds material',
          'promote never writes over our version with one field changed by hand',
          'a destroyed version is NOT_FOUND, is not described, and cannot be promoted',
        ],
      },
      {
        reason: 'nothing is staged at GitHub',
        tests: [
          'stage of the same version with another value is CONFLICT and keeps the first',
          'two stages of one version at once with different values leave one of them',
          'describe names every staged version',
          'promote of a version that is not staged is NOT_FOUND and changes nothing',
          'destroy erases every copy: the staged one and every older generation',
          'destroy of a version that was only staged erases it',
          'a stage whose answer was lost is repeated without harm',
          'a destroy whose answer was lost is repeated without harm',
        ],
      },
      {
        reason: 'GitHub has no compare-and-set',
        tests: ['of two promotions at once under one epoch one wins and the other is CONFLICT'],
      },
      {
        reason: 'a test of its own below: the one of the kit reads, or promotes what is staged',
        tests: [
          'promote writes over a foreign value when it is told to',
          'destroy refuses what consumers read now',
          'a backend that does not answer is UNAVAILABLE in every operation, never absent',
          'a refused admin credential is ACCESS_DENIED in every operation, never absent',
          'nothing is written after the deadline',
          'nothing is written for a caller that has gone',
          'a promote whose answer was lost is repeated without harm',
          'probe succeeds where staging can, and leaves nothing behind',
        ],
      },
    ],
  });
});

describe('GitHub Actions, write-only', () => {
  const place = { ...placeAt('ai/prod/bots'), fields: { OPENAI_API_KEY: '{api_key}' } };
  const markName = 'KEYBATON_OPENAI__PROD__SUPPORT_BOT';
  let backend: Backend;
  beforeEach(async () => {
    await fake.reset();
    await fake.control('POST', '/empty');
    backend = backendWith(fake.url, fake.adminKey);
  });

  const call = (overrides: Partial<BackendCall> = {}): BackendCall => ({
    signal: AbortSignal.timeout(60_000),
    deadline: Date.now() + 60_000,
    now: () => Date.now(),
    ...overrides,
  });
  function make() {
    const value = `canary-github-${randomBytes(8).toString('hex')}`;
    const material = new SecretMaterial({ api_key: value }, 'api_key');
    return { version: versionIdFrom(randomBytes(64)), value, ref: { id: 'key-1' }, material };
  }
  const promote = (made: ReturnType<typeof make>, epoch: number, expected?: VersionId, by = backend, with_ = call()) =>
    by.promote(place, { version: made.version, epoch, expected, envelope: made }, with_);
  const written = async () => (await runIn(fake)).secrets['OPENAI_API_KEY'];

  it('gives workflows the value, and a variable that says which version it is', async () => {
    const made = make();
    await promote(made, 1);
    const { secrets, vars } = await runIn(fake);
    expect(secrets['OPENAI_API_KEY'] === made.value).toBe(true);
    expect(JSON.parse(vars[markName] ?? '')).toEqual({
      keybaton_version: made.version,
      keybaton_epoch: '1',
      path: place.path,
      secrets: ['OPENAI_API_KEY'],
    });
  });

  it('writes nothing without the envelope, or with that of another version', async () => {
    const [one, other] = [make(), make()];
    const bare = { version: one.version, epoch: 1, expected: undefined };
    await expect(backend.promote(place, bare, call())).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(backend.promote(place, { ...bare, envelope: other }, call())).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    expect(await written()).toBeUndefined();
  });

  it('seals anew when the public key was replaced between question and write', async () => {
    // The question is answered late: by then another key is in use.
    const made = make();
    await fake.faults({ hold: ['GET secrets'] });
    const promoting = promote(made, 1);
    for (let rotated = 0; rotated < 1;) {
      const { held } = await fake.activity();
      // The first question is for the secret's existence, the second for the key.
      if (held.length === 0) continue;
      await fake.faults({ hold: [] });
      await fake.control('POST', '/rotate-key');
      rotated += 1;
    }
    await promoting;
    expect((await written()) === made.value).toBe(true);
  });

  it('does not write over a secret that was there before, unless a person said so', async () => {
    await fake.control('POST', '/write', { scope, fields: { OPENAI_API_KEY: 'of-somebody' } });
    const made = make();
    await expect(promote(made, 1)).rejects.toThrow(/delete it there/);
    expect(await written()).toBe('of-somebody');
    const told = { version: made.version, epoch: 1, expected: undefined, envelope: made, overwriteForeign: true };
    await backend.promote(place, told, call());
    expect((await written()) === made.value).toBe(true);
  });

  it('a repository that two credentials share keeps their marks apart, and one place is one credential', async () => {
    await promote(make(), 1);
    const elsewhere = { ...place, path: 'ai/prod/other' };
    await expect(backend.describe(elsewhere, call())).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(backend.stage(elsewhere, make(), call())).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('destroy refuses what was written last and has nothing to do for any other', async () => {
    const [first, second] = [make(), make()];
    await promote(first, 1);
    await expect(backend.destroy(place, first.version, call())).rejects.toMatchObject({ code: 'CONFLICT' });
    await promote(second, 2, first.version);
    await backend.destroy(place, first.version, call());
    expect((await written()) === second.value).toBe(true);
  });

  it('a promotion of which any answer was lost is repeated without harm', async () => {
    for (const operation of ['POST variables', 'PUT secrets', 'PATCH variables']) {
      await fake.control('POST', '/empty');
      await fake.faults({ drop: { [operation]: 1 } });
      const made = make();
      await expect(promote(made, 1)).rejects.toMatchObject({ code: 'AMBIGUOUS' });
      await fake.reset();
      await promote(made, 1);
      const { secrets, vars } = await runIn(fake);
      expect(secrets['OPENAI_API_KEY'] === made.value).toBe(true);
      expect(JSON.parse(vars[markName] ?? '')).not.toHaveProperty('begun');
    }
  });

  it('the probe leaves nothing behind, and needs both rights', async () => {
    await backend.probe(place, call());
    expect(await runIn(fake)).toEqual({ secrets: {}, vars: {} });
    await fake.control('POST', '/rights', { token: 'half', rights: { secrets: 'write', variables: 'read' } });
    await expect(backendWith(fake.url, 'half').probe(place, call())).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  });

  it('writes nothing late, nor for a caller that has gone', async () => {
    for (const late of [call({ deadline: Date.now() - 1 }), call({ signal: AbortSignal.abort() })]) {
      await expect(promote(make(), 1, undefined, backend, late)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    }
    expect(await written()).toBeUndefined();
  });

  it('one that does not answer, refuses us, or hides the repository is never absent or well', async () => {
    const nobody = backendWith(`http://127.0.0.1:${String(await freePort())}`, fake.adminKey);
    const codes = async (by: Backend) =>
      Promise.all(
        [by.describe(place, call()), promote(make(), 1, undefined, by), by.probe(place, call())].map((asked) =>
          asked.then(() => 'well', codeOf),
        ),
      );
    expect(await codes(nobody)).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'UNAVAILABLE']);
    expect(await codes(backendWith(fake.url, 'wrong'))).toEqual(['ACCESS_DENIED', 'ACCESS_DENIED', 'ACCESS_DENIED']);
    const hidden = backendWith(fake.url, fake.adminKey, { repository: 'hidden' });
    expect(await codes(hidden)).toEqual(['INVALID_CONFIG', 'INVALID_CONFIG', 'INVALID_CONFIG']);
    await fake.settings({ slowDown: true });
    expect(await codes(backend)).toEqual(['RATE_LIMITED', 'RATE_LIMITED', 'RATE_LIMITED']);
  });

  it("works on an environment's secrets and variables", async () => {
    const there = backendWith(fake.url, fake.adminKey, { environment: 'production' });
    const made = make();
    await promote(made, 1, undefined, there);
    expect((await runIn(fake, `${scope}#production`)).secrets['OPENAI_API_KEY'] === made.value).toBe(true);
    expect(await written()).toBeUndefined();
  });

  describe('as an app', () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const auth = { method: 'app', appId: '42', installationId: 7 };
    beforeEach(async () => {
      await fake.settings({ appKey: publicKey.export({ type: 'spki', format: 'pem' }).toString() });
    });

    it('asks for a token once, and for another when that was ended early', async () => {
      const app = backendWith(fake.url, pem, { auth });
      const given = async () =>
        (await fake.activity()).requests.filter(({ operation }) => operation === 'accessToken').length;
      const before = await given();
      await app.probe(place, call());
      expect((await given()) - before).toBe(1);
      await fake.control('POST', '/end-tokens');
      await app.probe(place, call());
      expect((await given()) - before).toBe(2);
    });

    it('a key that is none is INVALID_CONFIG, another one ACCESS_DENIED, and neither is shown', async () => {
      const other = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey;
      for (const [key, code] of [
        ['canary-no-key', 'INVALID_CONFIG'],
        [other.export({ type: 'pkcs8', format: 'pem' }).toString(), 'ACCESS_DENIED'],
      ] as const) {
        const thrown: unknown = await backendWith(fake.url, key, { auth })
          .probe(place, call())
          .catch((reason: unknown) => reason);
        expect([codeOf(thrown), shown(thrown).includes(key)]).toEqual([code, false]);
      }
    });
  });
});
