import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bot, inventory, targets } from '../control/emergency-inventory.ts';
import { openPeopleWorld } from '../control/http-api/people-world.ts';
import type { PeopleWorld } from '../control/http-api/people-world.ts';
import { openBrowser, textOf } from './browser.ts';

let world: PeopleWorld;

beforeAll(async () => {
  world = await openPeopleWorld();
  await world.apply(inventory, targets);
});
afterAll(() => world.close());

describe('a stranger', () => {
  test.each([
    '/',
    `/credentials/${bot}`,
    `/credentials/${bot}/live`,
    '/emergency',
    '/whose',
    '/incidents',
    '/incidents/i1',
    '/rotations',
    '/rotations/live',
    '/unmanaged',
    '/drills',
  ])('is sent from %s to where one signs in', async (path) => {
    const page = await openBrowser(world.url()).get(path);
    const next = path === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(path)}`;
    expect([page.status, page.to, page.body]).toEqual([303, next, '']);
  });

  test('with an Authorization header alone is a stranger too: no other site can make a browser send one', async () => {
    expect((await openBrowser(world.url()).get('/', { authorization: 'Bearer root' })).status).toBe(303);
  });

  test.each(['/emergency', '/whose', '/whose/kill', `/credentials/${bot}/rotate`, '/incidents/i1/close'])(
    'posts to %s in vain',
    async (path) => {
      expect((await openBrowser(world.url()).post(path, { why: 'x' })).to).toBe('/sign-in');
      expect(world.incidents.declared).toEqual([]);
    },
  );
});

describe('signing in', () => {
  test('by a token leads on to where one wanted to be', async () => {
    const browser = openBrowser(world.url());
    expect((await browser.signIn('root', '/whose?x=1')).to).toBe('/whose?x=1');
    expect((await browser.get('/whose')).status).toBe(200);
  });

  test.each(['//evil.example', '/\\evil.example', 'https://evil.example/', 'javascript:1'])(
    'never leads to %s',
    async (next) => {
      expect((await openBrowser(world.url()).signIn('root', next)).to).toBe('/');
    },
  );

  test('keeps the token where no script and no other site reaches it', async () => {
    const browser = openBrowser(world.url());
    const cookie = (await browser.signIn('root')).headers.getSetCookie().join();
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Lax/);
    const elsewhere = await browser.get('/sign-in', { host: 'keybaton.example' });
    expect(elsewhere.headers.getSetCookie().every((one) => /HttpOnly/.test(one))).toBe(true);
  });

  test('is kept by a name that only this host can give where the page is reached by TLS, whatever host a proxy names', async () => {
    const given = async (headers: Record<string, string>): Promise<readonly string[]> => {
      const answer = await openBrowser(world.url()).signIn('root', '/', headers);
      return answer.headers.getSetCookie().filter((one) => /keybaton_session=./.test(one));
    };
    const secure = [
      expect.stringMatching(/^__Host-keybaton_session=.*(?=.*; Secure)(?=.*; HttpOnly)(?=.*; Path=\/(;|$))/),
    ];
    expect(await given({ host: 'keybaton.example', origin: 'https://keybaton.example' })).toEqual(secure);
    // As a proxy in front sends it that keeps its own word for this machine.
    const proxied = { origin: 'https://keybaton.example', 'sec-fetch-site': 'same-origin' };
    expect(await given(proxied)).toEqual(secure);
    const plain = await given({});
    expect(plain).toEqual([expect.stringMatching(/^keybaton_session=/)]);
    expect(plain.join()).not.toMatch(/Secure|Domain/);
  });

  test('by a session of the plain name counts on this machine alone: a neighbouring host could have set it', async () => {
    const browser = openBrowser(world.url());
    const cookie = (await browser.signIn('root')).headers
      .getSetCookie()
      .find((one) => one.startsWith('keybaton_session'));
    const headers = { cookie: cookie?.split(';')[0] ?? '' };
    expect((await openBrowser(world.url()).get('/whose', headers)).status).toBe(200);
    expect((await openBrowser(world.url()).get('/whose', { ...headers, host: 'keybaton.example' })).status).toBe(303);
  });

  test('with a wrong token is refused, and the token is not shown', async () => {
    const browser = openBrowser(world.url());
    const page = await browser.signIn('wrong-token-here');
    expect(page.status).toBe(403);
    expect(textOf(page)).toContain('That token is not accepted');
    expect(page.body).not.toContain('wrong-token-here');
    expect((await browser.get('/')).status).toBe(303);
  });

  test('ends with signing out', async () => {
    const browser = openBrowser(world.url());
    await browser.signIn('root');
    expect((await browser.submit(await browser.get('/'), '/sign-out', {})).to).toBe('/sign-in');
    expect((await browser.get('/')).status).toBe(303);
  });
});

describe('a form', () => {
  async function signedIn() {
    const browser = openBrowser(world.url());
    await browser.signIn('root');
    const page = await browser.get('/');
    const proof = /name="proof"\s+value="([^"]+)"/.exec(page.body)?.[1] ?? '';
    return { browser, proof };
  }
  const { host } = { host: 'evil.example' };

  test.each([
    ['without its proof', { proof: '' }, {}],
    ['with the proof of somebody else', { proof: 'A'.repeat(43) }, {}],
    ['from another site', {}, { origin: `https://${host}` }],
    ['from a site that does not say which', {}, { origin: 'null' }],
    ['that the browser says another site sent', {}, { 'sec-fetch-site': 'cross-site' }],
  ])('%s does nothing', async (_what, fields, headers) => {
    const { browser, proof } = await signedIn();
    const sent = { credentials: bot, why: 'x', proof, ...fields };
    const answer = await browser.post('/emergency', sent, headers);
    expect(answer.status).toBe(403);
    expect(textOf(answer)).toContain('this form is not from this page');
    expect(world.incidents.declared).toEqual([]);
  });

  test('of the sign-in page needs the browser that asked for it', async () => {
    const page = await openBrowser(world.url()).get('/sign-in');
    expect((await openBrowser(world.url()).submit(page, '/sign-in', { token: 'root' })).status).toBe(403);
  });
});

describe('every answer', () => {
  test.each(['/sign-in', '/', '/emergency', '/assets/style.css'])(
    'of %s forbids what is not ours, and to be framed',
    async (path) => {
      const browser = openBrowser(world.url());
      await browser.signIn('root');
      const { headers } = await browser.get(path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self';");
      expect(policy).toContain("style-src 'self';");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|\*|data:/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    },
  );

  test('that is a page is kept by nobody', async () => {
    const browser = openBrowser(world.url());
    await browser.signIn('root');
    expect((await browser.get('/')).headers.get('cache-control')).toBe('no-store');
  });

  test('holds no script and no style of its own', async () => {
    const browser = openBrowser(world.url());
    await browser.signIn('root');
    for (const path of [
      '/',
      `/credentials/${bot}`,
      '/emergency',
      '/whose',
      '/incidents',
      '/rotations',
      '/unmanaged',
      '/drills',
    ]) {
      const { body } = await browser.get(path);
      expect(body).not.toMatch(/<script(?![^>]*\ssrc=")|<style|\sstyle=|\son[a-z]+=|javascript:/);
    }
  });

  test.each(['style.css', 'marks.svg', 'icon.svg', 'page.js', 'htmx.min.js'])('%s is served by us', async (name) => {
    const asset = await openBrowser(world.url()).get(`/assets/${name}`);
    expect(asset.status).toBe(200);
    expect(asset.body.length).toBeGreaterThan(100);
  });
});
