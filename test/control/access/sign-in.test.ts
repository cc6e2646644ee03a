import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser } from '../../fakes/identity-provider/start.ts';
import { openSignInWorld } from './sign-in-world.ts';
import type { SignInWorld } from './sign-in-world.ts';

let world: SignInWorld;
let url: string;

beforeAll(async () => {
  world = await openSignInWorld();
  ({ url } = world);
});
afterAll(() => world.close());

describe('signing in through a real identity provider', () => {
  test('in a browser ends where it began, with a session that names the person and their groups', async () => {
    const browser = openBrowser('sub-ann');
    const { at, text } = await browser.go(`${url}/sign-in/with/company?next=/here`);
    expect([at, text]).toEqual([`${url}/here`, 'here']);
    const session = browser.cookie(url, 'keybaton_session') ?? '';
    expect(await world.bearer(session)).toMatchObject({
      actor: 'oidc:company:ann@example.com',
      person: `${world.provider.issuer} sub-ann`,
      method: 'oidc',
      grants: [{ role: 'oncall' }],
    });
    expect(browser.cookie(url, 'keybaton_leaving')).toBeUndefined();
  });

  test('asks with PKCE, state and nonce, and its cookie is for this browser alone', async () => {
    const response = await fetch(`${url}/sign-in/with/company`, { redirect: 'manual' });
    const query = new URL(response.headers.get('location') ?? '').searchParams;
    expect(query.get('code_challenge_method')).toBe('S256');
    expect([query.get('state'), query.get('nonce')].every((one) => (one ?? '').length > 20)).toBe(true);
    expect(response.headers.getSetCookie()[0]).toMatch(/^keybaton_leaving=.*HttpOnly; SameSite=Lax$/);
  });

  test('the code of somebody else does not sign this browser in', async () => {
    const stopAt = (address: string): boolean => address.startsWith(`${url}/sign-in/back`);
    const [thief, victim] = [openBrowser('sub-ann'), openBrowser('sub-eve')];
    const { at } = await thief.go(`${url}/sign-in/with/company`, { stopAt });
    expect((await victim.go(at)).status).toBe(403);
    await victim.go(`${url}/sign-in/with/company`, { stopAt });
    expect((await victim.go(at)).status).toBe(403);
    expect(victim.cookie(url, 'keybaton_session')).toBeUndefined();
    const said = world.noted.filter(({ kind }) => kind === 'access.refused');
    expect(said.map(({ actor, body }) => [actor, body['method'], body['address'], body['why']])).toEqual([
      ['unknown', 'oidc', '127.0.0.1', 'unknown state'],
      ['unknown', 'oidc', '127.0.0.1', 'not confirmed by the issuer'],
    ]);
  });

  test('somebody without a grant is not signed in', async () => {
    const browser = openBrowser('sub-eve');
    expect((await browser.go(`${url}/sign-in/with/company`)).status).toBe(403);
    expect(browser.cookie(url, 'keybaton_session')).toBeUndefined();
  });

  test('never leads to another site', async () => {
    const browser = openBrowser('sub-ann');
    const { at } = await browser.go(`${url}/sign-in/with/company?next=//evil.example/`, {
      stopAt: (address) => address === `${url}/` || address.includes('evil'),
    });
    expect(at).toBe(`${url}/`);
  });
});
