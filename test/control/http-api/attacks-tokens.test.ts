import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSignedTokens } from '../../../control/access/signed-tokens.ts';
import { installationKey } from '../../../worker/installation-key.ts';
import { grantOf } from '../access/access-world.ts';
import { ads, bot } from '../emergency-inventory.ts';
import { openBrowser } from '../../web/browser.ts';
import { bearer, cluster, ed25519, openAttackWorld } from './attack-world.ts';
import type { AttackWorld } from './attack-world.ts';
import { until } from './world.ts';

// Already elsewhere: CSRF on forms (test/web/sign-in), proofs of another consumer, of old values and replayed (proofs.test.ts),
// idempotency keys of other people and entries aimed at our listener (people-starts.test.ts), two lengths and floods of
// headers (people-hostile.test.ts), id tokens (test/control/access/id-token).
let world: AttackWorld;
let session: string;
let workload: string;
const secret = `/v1/credentials/${bot}/events?wait=0`;

beforeAll(async () => {
  world = await openAttackWorld();
  await world.promote(bot, 'r1');
  await world.end(bot, 'r1', 'rotated');
  session = await world.signIn('sub-root', 'all');
  workload = await world.workload();
});
afterAll(() => world.close());

const whoami = async (token: string) => (await world.ask('GET', '/v1/whoami', bearer(token))).status;
const read = async (token: string, path = secret) => (await world.ask('GET', path, bearer(token))).status;
const seconds = (): number => Math.floor(Date.now() / 1_000);
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });

describe('a session', () => {
  test('that we signed is one, so that what follows is refused for its own reason', async () => {
    expect([await whoami(session), await whoami(await world.forged(world.claims()))]).toEqual([200, 200]);
  });

  const publicKey = () => createPublicKey(ed25519(world.access.key.derive('access-tokens')));
  test.each<[string, () => string | Promise<string>]>([
    ['no algorithm', () => new UnsecuredJWT(world.claims()).encode()],
    ['the algorithm None', () => `${part({ alg: 'None' })}.${part(world.claims())}.`],
    [
      'our public key as if it were a secret',
      () =>
        new SignJWT(world.claims())
          .setProtectedHeader({ alg: 'HS256', kid: world.access.key.id })
          .sign(publicKey().export({ format: 'der', type: 'spki' })),
    ],
    [
      'a key that it brings itself',
      async () =>
        new SignJWT(world.claims())
          .setProtectedHeader({ alg: 'RS256', jwk: rsa.publicKey.export({ format: 'jwk' }) })
          .sign(rsa.privateKey),
    ],
    [
      'a key name that is a path to an empty file',
      () =>
        new SignJWT(world.claims())
          .setProtectedHeader({ alg: 'HS256', kid: '../../../../../../dev/null' })
          .sign(new Uint8Array(1)),
    ],
    ['another key of that type', () => world.forged(world.claims(), {}, randomBytes(32))],
    ['the key of another purpose', () => world.forged(world.claims(), {}, world.access.key.derive('kept-answers'))],
    [
      'the key of another keybaton',
      () =>
        openSignedTokens(installationKey(new Uint8Array(32).fill(9))).sign(
          { by: 'oidc', issuer: 'company', subject: 's', name: 's', groups: ['all'] },
          Date.now(),
          Date.now() + 60_000,
        ),
    ],
    [
      'an end that has passed',
      () => world.forged(world.claims({ exp: Math.floor(world.access.clock.now / 1_000) - 1 })),
    ],
    ['a beginning that is to come', () => world.forged(world.claims({ nbf: seconds() + 600 }))],
    ['no end', () => world.forged(world.claims({ exp: undefined }))],
    ['an end that is text', () => world.forged(world.claims({ exp: '9999999999' }))],
    ['another audience', () => world.forged(world.claims({ aud: 'keybaton/note/leaving' }))],
    ['another issuer', () => world.forged(world.claims({ iss: 'https://login.example' }))],
    ['an extension that must be understood', () => unknownExtension()],
    ['a way to sign in that is none', () => world.forged(world.claims({ who: { by: 'root' } }))],
    ['an issuer that is a name of objects', () => withIssuer('__proto__')],
    ['an issuer that is a method of objects', () => withIssuer('constructor')],
    ['a break-glass token nobody has', () => world.forged(world.claims({ who: glassOf('toString') }))],
    ['a signature cut short', () => session.slice(0, -1)],
    ['a signature of nothing', () => session.replace(/[^.]*$/, '')],
    ['a fourth part', () => `${session}.${session.split('.')[2] ?? ''}`],
    ['the signature of another session', async () => swapped(await world.signIn('sub-a', 'search'))],
    ['claims beside those that were signed', () => swapped(`${part({ alg: 'EdDSA' })}.${part(world.claims())}.x`)],
  ])('with %s lets nobody in', async (_what, forge) => {
    expect(await whoami(await forge())).toBe(403);
  });

  const withIssuer = (issuer: string) =>
    world.forged(world.claims({ who: { by: 'oidc', issuer, subject: 's', name: 's', groups: ['all'] } }));
  const glassOf = (name: string) => ({ by: 'break-glass', name, review: 'x' });
  const unknownExtension = async () => {
    const made = await world.forged(world.claims(), { x: 1 });
    return [part({ alg: 'EdDSA', crit: ['x'], x: 1 }), ...made.split('.').slice(1)].join('.');
  };
  const swapped = (from: string): string => [...from.split('.').slice(0, 2), session.split('.')[2] ?? ''].join('.');

  test('is nothing to the routes of consumers, and tokens of consumers are nothing to those of people', async () => {
    const { token } = await world.consumerToken(bot, 'web');
    expect([await read(token), await read(workload)]).toEqual([200, 200]);
    expect([await read(session), await whoami(token), await whoami(workload)]).toEqual([403, 403, 403]);
  });

  test('in a cookie alone is nothing to the API, which no form may reach either', async () => {
    const cookie = `keybaton_session=${session}`;
    expect((await world.ask('GET', '/v1/whoami', { cookie })).status).toBe(403);
    const path = `/v1/credentials/${bot}/pause`;
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const sent = { ...bearer(session), 'content-type': type };
      expect((await world.ask('POST', path, sent, '{"why":"csrf"}')).status).toBe(400);
    }
    const { headers } = await world.ask('GET', '/v1/status', { ...bearer(session), origin: 'https://evil.example' });
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('the token of a workload', () => {
  test.each<[string, () => string | Promise<string>]>([
    ['no algorithm', () => new UnsecuredJWT({ iss: cluster, aud: 'keybaton' }).encode()],
    [
      'the public key as if it were a secret',
      () =>
        new SignJWT({
          iss: cluster,
          aud: 'keybaton',
          iat: seconds(),
          exp: seconds() + 600,
          sub: `system:serviceaccount:search:bot`,
        })
          .setProtectedHeader({ alg: 'HS256', kid: 'one' })
          .sign(Buffer.from(world.pair.publicKey.export({ format: 'pem', type: 'spki' }))),
    ],
    ['a key name that is a path', () => world.workload({}, { kid: '../../../../etc/passwd' })],
    ['a key name that is none', () => world.workload({}, { kid: ['one'] })],
    ['an end that has passed', () => world.workload({ exp: seconds() - 60 })],
    ['a beginning that is to come', () => world.workload({ nbf: seconds() + 600 })],
    ['a life longer than is taken', () => world.workload({ exp: seconds() + 40 * 86_400 })],
    ['another audience', () => world.workload({ aud: ['vault', 'kubernetes'] })],
    ['another issuer', () => world.workload({ iss: 'https://elsewhere.example' })],
    ['a subject with another after it', () => world.workload({ sub: 'system:serviceaccount:search:bot\n:x' })],
    ['a subject in a list', () => world.workload({ sub: ['system:serviceaccount:search:bot', 'x'] })],
    ['its signature cut short', () => workload.slice(0, -4)],
  ])('with %s reads nothing', async (_what, forge) => {
    expect(await read(await forge())).toBe(403);
  });

  test('names keys elsewhere in vain: nobody asks there', async () => {
    const jwk = rsa.publicKey.export({ format: 'jwk' });
    const from = { jku: `${world.listener.url}/jku`, x5u: `${world.listener.url}/x5u`, jwk };
    const theirs = new SignJWT({ iss: cluster, aud: 'keybaton', iat: seconds(), exp: seconds() + 600 })
      .setSubject('system:serviceaccount:search:bot')
      .setProtectedHeader({ alg: 'RS256', kid: 'two', ...from })
      .sign(rsa.privateKey);
    expect([await read(await theirs), await read(await world.workload({}, from))]).toEqual([403, 200]);
    expect(world.listener.heard).toEqual([]);
  });

  test('is good for the credential of its rule alone, and speaks for the consumer of its rule alone', async () => {
    expect(await read(workload, `/v1/credentials/${ads}/events?wait=0`)).toBe(403);
    const path = `/v1/credentials/${bot}/instances/thief`;
    const body = JSON.stringify({ boot: 'b', lease: 1_000, consumer: 'batch' });
    const headers = { ...bearer(workload), 'content-type': 'application/json' };
    expect((await world.ask('PUT', path, headers, body)).status).toBe(200);
    const { instances } = await world.ledger.evidence(bot);
    expect(instances.map(({ consumer, instance }) => [consumer, instance])).toEqual([['web', 'thief']]);
  });
});

describe('an open stream', () => {
  /** Resolves once the server has ended it. */
  async function stream(
    path: string,
    token: string,
  ): Promise<{ readonly ended: () => boolean; readonly text: () => string }> {
    const response = await fetch(world.url() + path, { headers: bearer(token) });
    expect(response.status).toBe(200);
    let [said, over] = ['', false];
    void (async () => {
      for await (const part of response.body ?? []) said += Buffer.from(part).toString();
    })()
      .catch(() => undefined)
      .finally(() => (over = true));
    await until('it has begun', () => said !== '');
    return { ended: () => over, text: () => said };
  }

  test('of a person ends with their token, and tells nothing of what comes after', async () => {
    const token = await world.access.token('leaver', [grantOf('viewer')]);
    const open = await stream(`/v1/credentials/${bot}/progress`, token);
    const [record] = (await world.access.desk.tokens.list()).filter(({ name }) => name === 'leaver');
    await world.access.desk.tokens.revoke(record?.id ?? '', 'os:test', Date.now());
    await until('it ends', open.ended);
    await world.ask('POST', `/v1/credentials/${ads}/rotate`, bearer(session));
    expect(open.text()).not.toContain('rotate');
  });

  test('of a person ends when their sign-in runs out', async () => {
    const token = await world.access.token('short', [grantOf('viewer')], 60_000);
    const open = await stream('/v1/history/progress', token);
    world.access.clock.now += 120_000;
    await until('it ends', open.ended);
    world.access.clock.now -= 120_000;
  });

  test('of a person ends when their grant is taken away', async () => {
    const token = await world.signIn('sub-search', 'search');
    const open = await stream(`/v1/credentials/${bot}/progress`, token);
    const yaml = await readFile(world.access.path, 'utf8');
    await world.access.rewrite(yaml.replace('teams: [search]', 'teams: [nobody]'));
    await until('it ends', open.ended);
    await world.access.rewrite(yaml);
  });

  test('of a consumer ends with its token', async () => {
    const { id, token } = await world.consumerToken(bot, 'web');
    const open = await stream(`/v1/credentials/${bot}/events`, token);
    await world.tokens.revoke(id, 'os:test', Date.now());
    await until('it ends', open.ended);
  });

  test('of a workload ends when its token runs out', async () => {
    const open = await stream(`/v1/credentials/${bot}/events`, await world.workload({ exp: seconds() + 1 }));
    await until('it ends', open.ended);
  });
});

describe('signing in', () => {
  test.each([
    '/%09/evil.example',
    '/\t/evil.example',
    '/\\evil.example',
    '///evil.example',
    '/\n/evil.example',
    '\u2028//evil.example',
  ])('never leads to another site: %j', async (next) => {
    const { to } = await openBrowser(world.url()).signIn(session, next);
    const end = new URL(to ?? '', 'https://keybaton.example');
    expect(end.origin).toBe('https://keybaton.example');
    expect(end.pathname.startsWith('//')).toBe(false);
  });
});

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
