import { describe, expect, test } from 'vitest';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { gitHubRevoker } from '../../providers/github.ts';
import { huggingFaceRevoker } from '../../providers/hugging-face.ts';
import { valueRevokers } from '../../providers/registry.ts';
import { callNow } from './provider-target.ts';
import { toldBy, vendorWorld } from './vendor-world.ts';

const world = vendorWorld<{ limited: boolean }>('value-revokers');

// The control port is ours: its answers have the shape written beside it.
const token = async (prefix: string, length: number) =>
  ((await world().fake.control('POST', '/tokens', { prefix, length })) as { value: string }).value;
const live = async (value: string) =>
  ((await world().fake.control('POST', '/live', { value })) as { live: boolean }).live;
const materialOf = (value: string) => new SecretMaterial({ value }, 'value');

interface Kinds {
  readonly make: typeof huggingFaceRevoker;
  readonly first: readonly [string, number];
  readonly others: readonly (readonly [string, number])[];
}

const vendors: Readonly<Record<string, Kinds>> = {
  'hugging-face': { make: huggingFaceRevoker, first: ['hf_', 34], others: [] },
  github: {
    make: gitHubRevoker,
    first: ['ghp_', 36],
    others: [
      ['gho_', 36],
      ['ghu_', 36],
      ['ghr_', 36],
      ['github_pat_', 82],
    ],
  },
};

for (const [name, { make, first, others }] of Object.entries(vendors)) {
  describe(`${name} kills a value that it is shown`, () => {
    const shapes = [first, ...others];
    const [prefix, length] = first;

    test.each(shapes)('of the kind %s', async (kind, many) => {
      const value = await token(kind, many);
      await make({ baseUrl: world().policed }).revoke(materialOf(value), callNow());
      expect(await live(value)).toBe(false);
    });

    test('of every kind that it says it takes, and the registry shows it to this vendor alone', async () => {
      for (const [kind, many] of shapes) {
        const value = await token(kind, many);
        expect(valueRevokers.filter(({ pattern }) => pattern.test(value)).map((one) => one.name)).toEqual([name]);
        expect(make().pattern.test(`${value} `)).toBe(false);
        expect(make().pattern.test(`x${value}`)).toBe(false);
      }
    });

    test('again, and one that it never made, without a word', async () => {
      const value = await token(prefix, length);
      const revoker = make({ baseUrl: world().policed });
      await revoker.revoke(materialOf(value), callNow());
      await revoker.revoke(materialOf(value), callNow());
      await revoker.revoke(materialOf(`${prefix}${'q'.repeat(length)}`), callNow());
    });

    test('with an answer that is lost, which is AMBIGUOUS', async () => {
      const value = await token(prefix, length);
      await world().fake.faults({ drop: { revoke: 1 } });
      const asked = make({ baseUrl: world().policed }).revoke(materialOf(value), callNow());
      await expect(asked).rejects.toMatchObject({ code: 'AMBIGUOUS' });
      expect(await live(value)).toBe(false);
    });

    test('never after the deadline, and an unreachable one is UNAVAILABLE', async () => {
      const value = await token(prefix, length);
      const late = callNow({ deadline: Date.now() - 1 });
      const asked = make({ baseUrl: world().policed }).revoke(materialOf(value), late);
      await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(await live(value)).toBe(true);
      const away = make({ baseUrl: world().nowhere }).revoke(materialOf(value), callNow());
      await expect(away).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    });

    test('without quoting it when the vendor throws it back', async () => {
      const value = await token(prefix, length);
      for (const status of [400, 422, 429, 500]) {
        await world().fake.faults({ secretInErrors: true, failNext: { count: 1, status } });
        const { text, allThrew } = await toldBy([
          make({ baseUrl: world().policed }).revoke(materialOf(value), callNow()),
        ]);
        expect([allThrew, text.includes(value)]).toEqual([true, false]);
      }
    });
  });
}

test("github's 403 to somebody who did not sign in is a rate limit", async () => {
  await world().fake.settings({ limited: true });
  const asked = gitHubRevoker({ baseUrl: world().policed }).revoke(materialOf(await token('ghp_', 36)), callNow());
  await expect(asked).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfter: 60_000 });
});

test('the fake refuses to be called without values, and with a credential where GitHub does', async () => {
  const post = (path: string, body: object, headers = {}) =>
    fetch(`${world().fake.url}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
  expect((await post('/credentials/revoke', {})).status).toBe(422);
  const one = { credentials: [await token('ghp_', 36)] };
  expect((await post('/credentials/revoke', one, { authorization: 'Bearer mine' })).status).toBe(403);
  expect((await post('/api/credentials/revoke', one)).status).toBe(202);
});
