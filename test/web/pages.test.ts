import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { VersionId } from '../../domain/identifiers.ts';
import { ads, bot, inventory, targets } from '../control/emergency-inventory.ts';
import { openPeopleWorld } from '../control/http-api/people-world.ts';
import type { PeopleWorld } from '../control/http-api/people-world.ts';
import { openBrowser, textOf } from './browser.ts';

let world: PeopleWorld;
let version: VersionId;
let root: ReturnType<typeof openBrowser>;

beforeAll(async () => {
  world = await openPeopleWorld();
  await world.apply(inventory.replace('{ name: web }, { name: batch }', '{ name: web }, { name: batch-run }'), targets);
  version = await world.promote(bot, 'r1');
  await world.end(bot, 'r1', 'rotated');
  await world.promote(ads, 'r2');
  await world.end(ads, 'r2', 'rotated');
  root = openBrowser(world.url());
  await root.signIn('root');
});
afterAll(() => world.close());

describe('the inventory', () => {
  test('shows each secret with its service, environment, team, age, due date, consumers and state', async () => {
    const text = textOf(await root.get('/'));
    expect(text).toMatch(/bot in-memory prod search (now|[\d.]+ m?s ago) in [\d.]+ d web, batch-run in order/);
    expect(text).toMatch(/bot in-memory lab search never now: .*? lab due/);
  });

  test('is narrowed by team, environment and need', async () => {
    expect(textOf(await root.get('/?team=ads'))).toContain('1 secret on this page');
    expect(textOf(await root.get('/?environment=lab'))).toContain('1 secret on this page');
    expect(textOf(await root.get('/?needing=yes'))).toContain('1 secret on this page');
    expect(textOf(await root.get('/?team=nobody'))).toContain('there is no such secret');
  });

  test('shows a team its own and nothing of others', async () => {
    const browser = openBrowser(world.url());
    await browser.signIn('ads');
    const page = await browser.get('/');
    expect(textOf(page)).toContain('1 secret on this page');
    expect(page.body).not.toContain('search');
    expect((await browser.get(`/credentials/${bot}`)).status).toBe(404);
  });

  test('a query that fits nothing is told as a mistake, and not repeated as markup', async () => {
    const page = await root.get('/?team=%3Cscript%3E');
    expect(page.status).toBe(400);
    expect(page.body).not.toContain('<script>');
  });
});

describe('the page of a credential', () => {
  test('shows versions, evidence per consumer, what depends on it, and what happened', async () => {
    const text = textOf(await root.get(`/credentials/${bot}`));
    expect(text).toContain(`${version} current active`);
    expect(text).toMatch(/batch-run possession nobody yet none seen/);
    expect(text).toContain(`Rotated after it ${ads}`);
    expect(text).toMatch(/promotion\.decided system|promotion\.decided/);
  });

  test.each(['rotate', 'pause', 'unpause', 'freeze', 'thaw'])('%s is asked for by a form, and done', async (action) => {
    const page = await root.get(`/credentials/${bot}/${action}`);
    const answer = await root.submit(page, `/credentials/${bot}/${action}`, { why: `to see <${action}>` });
    expect([answer.status, answer.to]).toEqual([303, `/credentials/${bot}?did=${action}`]);
    const told = await root.get(answer.to ?? '');
    expect(told.body).toMatch(/role="status"><strong>Done:/);
    expect(world.people.recorded.at(-1)).toEqual({ actor: 'token:root', operation: action, outcome: 'done' });
  });

  test('a request without a reason changes nothing', async () => {
    const page = await root.get(`/credentials/${bot}/pause`);
    expect((await root.submit(page, `/credentials/${bot}/pause`, { why: ' ' })).status).toBe(400);
    expect((await world.ledger.facts(bot)).requests.some(({ kind }) => kind === 'pause')).toBe(false);
  });

  test('its live part is the same list without the page around it', async () => {
    const part = await root.get(`/credentials/${bot}/live`, { 'hx-request': 'true' });
    expect(part.body).not.toContain('<html');
    expect(textOf(part)).toContain('Rotation');
  });
});
