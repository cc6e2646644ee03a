import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultLimits } from '../../control/http-api/people/limits.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { inventory, targets } from '../control/emergency-inventory.ts';
import { openBrowser, textOf } from './browser.ts';
import { openGuardedWorld } from './guarded-world.ts';
import type { GuardedWorld } from './guarded-world.ts';

const page = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const json = 'application/problem+json';
let world: GuardedWorld;

beforeAll(async () => {
  world = await openGuardedWorld({ limits: { ...defaultLimits, calls: 4, refusals: 3 } });
  await world.apply(inventory, targets);
});
afterAll(() => world.close());

const typeOf = ({ headers }: { readonly headers: Headers }): string => headers.get('content-type') ?? '';

describe('an address that nobody knows', () => {
  test('is a page with the navigation for whoever has signed in', async () => {
    const answer = await (await world.as('ada')).get('/nothing-here', page);
    expect([answer.status, typeOf(answer)]).toEqual([404, 'text/html; charset=utf-8']);
    expect(textOf(answer)).toMatch(/Inventory Rotations .* Emergency Not found .*there is no page at this address/);
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  test('is a page without it for a stranger', async () => {
    const answer = await openBrowser(world.url()).get('/nothing-here', page);
    expect(answer.status).toBe(404);
    expect(textOf(answer)).toContain('Sign in');
    expect(answer.body).not.toContain('aria-label="Pages"');
  });

  test.each([
    ['/v1/nothing-here', page],
    ['/v1', page],
    ['/nothing-here', { accept: 'application/json' }],
    ['/nothing-here', {}],
  ])('%s is what the API says when %o', async (path, headers) => {
    const answer = await openBrowser(world.url()).get(path, headers);
    expect([answer.status, typeOf(answer)]).toEqual([404, expect.stringContaining(json)]);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'NOT_FOUND' });
  });
});

test('what is forbidden says so in a page with a way out, and to programs as the API does', async () => {
  const vic = await world.as('vic', ['watchers']);
  const answer = await vic.get('/reviews', page);
  expect([answer.status, typeOf(answer)]).toEqual([403, 'text/html; charset=utf-8']);
  expect(textOf(answer)).toMatch(/Not yours to do .*no role of yours allows review-list here/);
  expect(answer.body).toContain('href="/emergency"');
  const api = await openBrowser(world.url()).get('/v1/credentials', page);
  expect(typeOf(api)).toContain(json);
});

test('too many requests are told as a page that says when, and never keep anybody from killing', async () => {
  const eve = await world.as('eve');
  for (let call = 0; call < 4; call += 1) expect((await eve.get('/whose')).status).toBe(200);
  for (let call = 0; call < 4; call += 1) expect((await eve.get('/incidents')).status).toBe(200);
  const answer = await eve.get('/incidents', page);
  expect([answer.status, typeOf(answer)]).toEqual([429, 'text/html; charset=utf-8']);
  expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
  expect(textOf(answer)).toMatch(/Too many requests .*Ask again in \d+ s\. Emergencies are counted apart\./);
  expect((await eve.get('/emergency')).status).toBe(200);
});

test('whoever guesses tokens is told to wait; who has one gets in', async () => {
  const guesser = openBrowser(world.url());
  const statuses: number[] = [];
  for (let guess = 0; guess < 4; guess += 1) statuses.push((await guesser.signIn(`kbp_guess-${String(guess)}`)).status);
  expect(statuses).toEqual([403, 403, 403, 429]);
  expect((await (await world.as('fay')).get('/whose')).status).toBe(200);
});

test('a ledger that is down is told as a page, with what works all the same', async () => {
  world.incidents.ledgerDown = new KeybatonError('UNAVAILABLE', 'the ledger is down');
  const answer = await (await world.as('gus')).get('/incidents/i20260101-none', page);
  world.incidents.ledgerDown = undefined;
  expect([answer.status, typeOf(answer)]).toEqual([503, 'text/html; charset=utf-8']);
  expect(textOf(answer)).toMatch(/The ledger does not answer \(the ledger is down\).*Something does not answer/);
});
