import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openBrowser } from '../../web/browser.ts';
import { openPeopleWorld } from '../http-api/people-world.ts';
import { grantOf, openAccessWorld } from './access-world.ts';
import type { AccessWorld } from './access-world.ts';

let world: AccessWorld;
beforeEach(async () => {
  world = await openAccessWorld();
});
afterEach(() => world.close());

const denied = { code: 'ACCESS_DENIED' };
const sam = { by: 'oidc' as const, issuer: 'company', subject: 's1', name: 's1', groups: ['sre'] };
const signIn = async (): Promise<string> => (await world.people.signIn(sam)).token;

test('a sign-in that was ended is refused everywhere, also after a restart and without the ledger', async () => {
  const [token, other] = [await signIn(), await signIn()];
  world.down.ledger = true;
  await world.people.signOut(token, '192.0.2.8');
  await expect(world.bearer(token)).rejects.toMatchObject(denied);
  const again = await world.open();
  await expect(again.identify({ authorization: `Bearer ${token}` }, '192.0.2.7')).rejects.toMatchObject(denied);
  expect((await world.bearer(other)).actor).toBe('oidc:company:s1');
});

test('who signed in and out, how and from where, is in the record, and never the token', async () => {
  const token = (await world.people.signIn(sam, '192.0.2.7')).token;
  await world.people.signOut(token, '192.0.2.8');
  const own = await world.bearer(await world.token('ci', [grantOf('viewer')]));
  await world.people.session(own);
  expect(world.noted).toEqual([
    { kind: 'access.signed-in', actor: 'oidc:company:s1', body: { method: 'oidc', address: '192.0.2.7' } },
    { kind: 'access.signed-out', actor: 'oidc:company:s1', body: { method: 'oidc', address: '192.0.2.8' } },
    { kind: 'access.signed-in', actor: 'token:ci', body: { method: 'token', address: own.address } },
  ]);
});

test('nothing of it is kept longer than it could have been used, and never the token', async () => {
  const token = await signIn();
  await world.people.signOut(token, '192.0.2.8');
  const folder = join(world.folder, 'ended-sessions');
  const [kept = ''] = await readdir(folder);
  expect([kept.length > 0, token.includes(kept)]).toEqual([true, false]);
  world.clock.now += 9 * 3_600_000;
  const later = await signIn();
  await world.people.signOut(later, '192.0.2.8');
  expect(await readdir(folder)).toHaveLength(1);
  expect(await readdir(folder)).not.toContain(kept);
});

test('what is no sign-in of ours is ended already: nothing is written', async () => {
  for (const text of ['', 'nothing', 'a.b.c', await world.token('ci', [grantOf('viewer')])])
    await world.people.signOut(text, '192.0.2.8');
  await expect(readdir(join(world.folder, 'ended-sessions'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('whoever has copied the cookie is out as soon as its owner has signed out', async () => {
  const { people } = world;
  const token = await world.token('ci', [grantOf('admin')]);
  const options = {
    people,
    session: people.session.bind(people),
    signOut: people.signOut.bind(people),
  };
  const api = await openPeopleWorld(options);
  try {
    const [owner, thief] = [openBrowser(api.url()), openBrowser(api.url())];
    await owner.signIn(token);
    for (const [name, value] of owner.cookies) thief.cookies.set(name, value);
    expect((await thief.get('/emergency')).status).toBe(200);
    await owner.submit(await owner.get('/emergency'), '/sign-out', {});
    expect((await thief.get('/emergency')).to).toMatch(/^\/sign-in/);
    expect(await api.ask('GET', '/v1/whoami', { token: thief.cookies.get('keybaton_session') ?? '' })).toMatchObject({
      status: 403,
    });
    // The token itself is another thing: `access revoke` ends it.
    expect((await api.ask('GET', '/v1/whoami', { token })).status).toBe(200);
  } finally {
    await api.close();
  }
});
