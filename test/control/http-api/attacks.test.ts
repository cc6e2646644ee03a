import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grantOf } from '../access/access-world.ts';
import { ads, bot } from '../emergency-inventory.ts';
import { openBrowser, textOf } from '../../web/browser.ts';
import { bearer, openAttackWorld, statusOf } from './attack-world.ts';
import type { AttackWorld } from './attack-world.ts';
import { until } from './world.ts';

// What is done to tokens: attacks-tokens.test.ts, which says too what stands elsewhere.
let world: AttackWorld;
let session: string;
let workload: string;

beforeAll(async () => {
  world = await openAttackWorld();
  await world.promote(bot, 'r1');
  await world.end(bot, 'r1', 'rotated');
  session = await world.signIn('sub-root', 'all');
  workload = await world.workload();
});
afterAll(() => world.close());

describe('the path', () => {
  test.each([
    '/v1/credentials/in-memory/prod/../prod/bot/events?wait=0',
    '/v1/credentials/in-memory/prod/..%2fprod%2fbot/events?wait=0',
    '/v1/credentials/in-memory/%2e%2e/bot/events?wait=0',
    '/v1/credentials/in-memory/prod/bot%00/events?wait=0',
    '/v1/credentials/in-memory/prod/bot%0a/events?wait=0',
    '/v1/credentials/in-memory/prod/bot%2500/events?wait=0',
    '/v1/credentials/In-Memory/prod/bot/events?wait=0',
    '/v1/credentials/in-memory/PROD/bot/events?wait=0',
    '/V1/credentials/in-memory/prod/bot/events?wait=0',
    '/v1/credentials/in-memory/prod/bot/EVENTS?wait=0',
    '/v1//credentials/in-memory/prod/bot/events?wait=0',
    '/v1/credentials/in-memory/prod/bot;x/events?wait=0',
    '/v1/credentials/in-memory/prod/%EF%BD%82ot/events?wait=0',
    '/v1/credentials/in-memory/prod/%ff%fe/events?wait=0',
    `/v1/credentials/in-memory/prod/${'b'.repeat(180)}/events?wait=0`,
    `/v1/credentials/in-memory/prod/${'b'.repeat(9_000)}/events?wait=0`,
    'http://elsewhere.example/v1/credentials/in-memory/prod/other/events?wait=0',
  ])('%s is not the credential', async (path) => {
    const said = await world.raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${workload}\r\n\r\n`);
    expect(['400', '403', '404', '414']).toContain(statusOf(said));
  });

  test.each(['..', '%2e%2e', '%00', '%0a', '%1b%5b2J', 'a'.repeat(150), '%F0%9F%92%A9'])(
    'of an instance called %s is refused',
    async (name) => {
      const headers = ['Host: x', `Authorization: Bearer ${workload}`, 'Content-Type: application/json'];
      const body = '{"boot":"b","lease":1000}';
      const line = `PUT /v1/credentials/${bot}/instances/${name} HTTP/1.1`;
      const said = await world.raw([line, ...headers, `Content-Length: ${String(body.length)}`, '', body].join('\r\n'));
      expect(['400', '404', '414']).toContain(statusOf(said));
    },
  );
});

describe('headers', () => {
  const as = (line: string, ...headers: string[]): string => [line, 'Host: x', ...headers, '', ''].join('\r\n');
  const auth = (token: string): string => `Authorization: Bearer ${token}`;

  test.each(['X-HTTP-Method-Override', 'X-Method-Override', 'X-HTTP-Method'])('%s changes no method', async (name) => {
    const said = await world.raw(as(`GET /v1/credentials/${bot}/pause HTTP/1.1`, auth(session), `${name}: POST`));
    expect(statusOf(said)).toBe('404');
    const looked = await world.raw(as(`GET /v1/status HTTP/1.1`, auth(session), `${name}: DELETE`));
    expect(statusOf(looked)).toBe('200');
    expect((await world.ledger.facts(bot)).requests).toEqual([]);
  });

  test('with two authorizations nobody becomes the second', async () => {
    const weak = await world.access.token('weak', [grantOf('viewer')]);
    const both = await world.raw(as('GET /v1/whoami HTTP/1.1', auth(weak), auth(session)), /grants.*\]|problem/s);
    expect(both).not.toContain('sub-root');
    expect(statusOf(await world.raw(as('GET /v1/whoami HTTP/1.1', auth('kbp_x'), auth(session))))).toBe('403');
  });

  test('of one request are not those of the next on the same connection', async () => {
    const two = as('GET /v1/whoami HTTP/1.1', auth(session)) + as('GET /v1/whoami HTTP/1.1');
    const said = await world.raw(two, /HTTP\/1\.1 200[^]*HTTP\/1\.1 \d+[^]*\r\n\r\n/);
    expect(said.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403']);
  });

  test('that say where somebody comes from are not believed', async () => {
    const forwarded = { 'x-forwarded-for': '198.51.100.1', forwarded: 'for=198.51.100.1', 'x-real-ip': '198.51.100.1' };
    const headers = { ...bearer(session), ...forwarded, 'content-type': 'application/json' };
    await world.ask('POST', `/v1/credentials/${ads}/rotate`, headers, '{"why":"to see"}');
    expect(world.access.noted.at(-1)?.body).toMatchObject({ address: '127.0.0.1' });
    expect(world.logged.join('')).not.toContain('198.51.100.1');
  });

  test('that name another host send nobody there', async () => {
    const said = await world.raw(
      ['GET /rotations HTTP/1.1', 'Host: evil.example', 'X-Forwarded-Host: evil.example', '', ''].join('\r\n'),
    );
    expect([statusOf(said), said.includes('evil.example')]).toEqual(['303', false]);
  });

  test('are in no log line, and none of them forges one', async () => {
    const before = world.logged.length;
    const forged = '{"level":30,"msg":"answered","actor":"token:root"}';
    const sent = { ...bearer(session), 'user-agent': forged, 'x-request-id': forged, referer: forged };
    await world.ask('GET', `/v1/credentials/in-memory/prod/${encodeURIComponent(`x\n${forged}`)}`, sent);
    await world.ask('GET', `/v1/status?x=${encodeURIComponent(`\n${forged}`)}`, sent);
    await until('both are told', () => world.logged.length >= before + 2);
    const lines = world.logged.slice(before);
    expect(lines.map((line) => line.trimEnd().split('\n').length)).toEqual([1, 1]);
    expect(lines.join('').includes('token:root') || lines.join('').includes(session)).toBe(false);
  });
});

describe('a body', () => {
  const json = (more: Record<string, string> = {}) => ({
    ...bearer(session),
    'content-type': 'application/json',
    ...more,
  });
  const pause = `/v1/credentials/${bot}/pause`;
  const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;

  test.each([
    ['deep', `{"why":${deep(30_000)}}`],
    ['deep in objects', `{"why":${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}}`],
    ['deep under a name nobody knows', `{"why":"x","more":${deep(30_000)}}`],
    ['with a number too large for any', '{"why":"x","for":1e999}'],
    ['with a number too exact', '{"why":"x","for":123456789012345678901234567890}'],
    ['with a prototype', '{"why":"x","__proto__":{"isAdmin":true}}'],
    ['with a constructor', '{"why":"x","constructor":{"prototype":{"isAdmin":true}}}'],
    ['with a name twice', '{"why":"x","why":["y"]}'],
    ['that is no text', '{"why":"\ud800'],
    ['of zero bytes', '\u0000'.repeat(100)],
  ])('%s is refused with a problem, also under an idempotency key', async (_what, body) => {
    for (const more of [{}, { 'idempotency-key': randomBytes(8).toString('hex') }]) {
      const { status, headers } = await world.ask('POST', pause, json(more), body);
      expect([status, headers.get('content-type')]).toEqual([400, expect.stringContaining('application/problem+json')]);
      const started = await world.ask('POST', `/v1/credentials/${bot}/rotate`, json(more), body.replace('why', 'whi'));
      expect(started.status).toBe(400);
    }
    expect(Object.hasOwn(Object.prototype, 'isAdmin')).toBe(false);
    expect((await world.ledger.facts(bot)).requests).toEqual([]);
  });

  test.each(['for=1e999', 'limit=99999999999999999999', 'afterN=-1', 'afterN=0x10', 'limit=1&limit=2'])(
    'the query %s is refused with a problem',
    async (query) => {
      expect((await world.ask('GET', `/v1/history?${query}`, bearer(session))).status).toBe(400);
    },
  );

  test.each([
    ['a consumer', `PUT /v1/credentials/${bot}/instances/x`, () => workload],
    ['a person', `POST /v1/credentials/${bot}/pause`, () => session],
    ['somebody who signs in', 'POST /v1/sign-in', () => session],
    ['the inventory', 'POST /v1/inventory', () => session],
    ['a form', 'POST /sign-in', () => session],
  ])('of 10 MB from %s is not read to its end', async (_who, line, token) => {
    const said = await world.raw((send) => {
      const [type] = line.endsWith(' /sign-in') ? ['application/x-www-form-urlencoded'] : ['application/json'];
      const head = [`${line} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${token()}`, `Content-Type: ${String(type)}`];
      send([...head, 'Transfer-Encoding: chunked', '', ''].join('\r\n'));
      const chunk = 'x'.repeat(65_536);
      for (let sent = 0; sent < 10_485_760; sent += chunk.length) send(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
    });
    expect(['400', '403', '404', '413', 'hung up']).toContain(statusOf(said));
  });

  test('that comes drop by drop is cut off, and everybody else is served meanwhile', async () => {
    const hasty = await openAttackWorld({ requestTimeout: 500 });
    try {
      const token = await hasty.signIn('sub-root', 'all');
      const drops = Array.from({ length: 60 }, () =>
        hasty.raw((send) => {
          send(`POST ${pause} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n`);
          send('Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"why":"');
          const drip = setInterval(() => send('x') || clearInterval(drip), 100);
        }),
      );
      expect((await hasty.ask('GET', '/v1/whoami', bearer(token))).status).toBe(200);
      const said = await Promise.all(drops);
      expect(said.map(statusOf).filter((one) => !['408', '400', 'hung up'].includes(one))).toEqual([]);
      expect((await hasty.ledger.facts(bot)).requests).toEqual([]);
    } finally {
      await hasty.close();
    }
  });
});

describe('what somebody typed', () => {
  const markup = `"><script>alert(1)</script><img src=x onerror=alert(2)>' onload='x`;
  const terminal = '\u001b]0;owned\u0007\u001b[2J\u001b[31mred\u009b31m\r\n   99  2026-01-01 00:00:00  forged.event';

  test('is text on every page that shows it', async () => {
    const why = markup;
    const headers = { ...bearer(session), 'content-type': 'application/json' };
    await world.ask('POST', `/v1/credentials/${ads}/rotate`, headers, JSON.stringify({ why }));
    const { text } = await world.ask('POST', '/v1/emergencies', headers, JSON.stringify({ credentials: [bot], why }));
    const incident = String((JSON.parse(text) as { incident?: string }).incident);
    const browser = openBrowser(world.url());
    await browser.signIn(session);
    const shown = [`/credentials/${ads}`, '/', '/rotations', '/incidents', `/incidents/${incident}`];
    const pages = await Promise.all(shown.map((path) => browser.get(path)));
    expect(pages.map(({ status }) => status)).toEqual(shown.map(() => 200));
    for (const { body } of pages) expect(/<script>alert|<img src=x|' onload='x/.test(body)).toBe(false);
    expect(pages.filter((page) => textOf(page).includes('<script>alert(1)')).length).toBeGreaterThan(0);
  });

  test.each([['history', bot], ['history'], ['show', bot], ['status', bot], ['status'], ['list']])(
    'moves no cursor and forges no line in what %s %s prints',
    async (...line) => {
      const headers = { ...bearer(session), 'content-type': 'application/json' };
      await world.ask('POST', `/v1/credentials/${bot}/pause`, headers, JSON.stringify({ why: terminal }));
      const ran = await world.run(line, {
        variables: { KEYBATON_URL: world.url(), KEYBATON_ACCESS_TOKEN: session, XDG_CONFIG_HOME: world.folder },
      });
      expect(ran.exit).toBe(0);
      // eslint-disable-next-line no-control-regex -- control characters are what must not be there
      expect(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(ran.stdout + ran.stderr)).toBe(false);
      expect(ran.stdout.split('\n').filter((one) => /^\s*99 {2}2026/.test(one))).toEqual([]);
    },
  );

  test('as a name at the identity provider is shown as what it is, and never as a line of a terminal', async () => {
    const name = 'eve@example.com';
    const token = await world.signIn(`sub-\u001b[2J`, 'all', name);
    await world.ask('POST', `/v1/credentials/${bot}/unpause`, bearer(token));
    const ran = await world.run(['whoami'], {
      variables: { KEYBATON_URL: world.url(), KEYBATON_ACCESS_TOKEN: token, XDG_CONFIG_HOME: world.folder },
    });
    expect([ran.exit, ran.stdout.includes('\u001b')]).toEqual([0, false]);
  });
});
