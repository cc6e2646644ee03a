import { afterAll, beforeAll, expect, test } from 'vitest';
import { drillPlace } from '../../domain/drill.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { newVersion } from '../control/bench.ts';
import { ads, bot, inventory, targets } from '../control/emergency-inventory.ts';
import { openPeopleWorld } from '../control/http-api/people-world.ts';
import type { PeopleWorld } from '../control/http-api/people-world.ts';
import { openBrowser, textOf } from './browser.ts';

let world: PeopleWorld;
let root: ReturnType<typeof openBrowser>;

beforeAll(async () => {
  world = await openPeopleWorld();
  await world.apply(inventory, targets);
  await world.promote(bot, 'r1');
  await world.promote(ads, 'a1');
  await world.end(ads, 'a1', 'rotated');
  root = openBrowser(world.url());
  await root.signIn('root');
});
afterAll(() => world.close());

test('rotations in flight, held ones with what is missing, and what is due are each in a table of their own', async () => {
  world.rotations.running = { step: 'held', since: 1, waitsFor: 'proof of web', version: undefined, epoch: 1 } as never;
  const text = textOf(await root.get('/rotations'));
  expect(text).toMatch(/Held Rotations that wait for somebody .*in-memory\/prod\/bot held waits for proof of web/);
  world.rotations.running = undefined;
  expect(textOf(await root.get('/rotations'))).toMatch(/Due, or in need of somebody .*in-memory\/lab\/bot/);
});

test('what Temporal does not say is not taken for rest', async () => {
  world.rotations.down = new KeybatonError('UNAVAILABLE', 'Temporal does not answer');
  const text = textOf(await root.get('/rotations'));
  world.rotations.down = undefined;
  expect(text).toContain('Temporal does not answer');
  expect(text).toContain('Temporal does not say whether rotations start by themselves');
});

test('old versions not proved dead are shown as debts', async () => {
  await world.end(bot, 'r1', 'rotated');
  const first = (await world.ledger.facts(bot)).epochs[0]?.version ?? '';
  await world.promote(bot, 'r2');
  const text = textOf(await root.get('/rotations'));
  expect(text).toMatch(new RegExp(`Debts Old versions not proved dead yet .*${bot} ${first}`));
});

test('unmanaged keys and strays are told apart, and from those somebody said to ignore', async () => {
  await world.ledger.sighted({
    target: 'memory',
    kind: 'unmanaged',
    refs: [{ id: 'key-of-nobody' }, { id: 'key-of-ci' }],
  });
  await world.ledger.sighted({ target: 'lab', kind: 'stray', refs: [{ id: 'key-lost' }] });
  await world.ledger.ignoreKey({ target: 'memory', ref: { id: 'key-of-ci' }, who: 'os:ada', why: 'it is of the CI' });
  const text = textOf(await root.get('/unmanaged'));
  expect(text).toMatch(/key-lost lab stray: made by us, and lost/);
  expect(text).toMatch(/key-of-nobody memory unmanaged: never ours/);
  expect(text).toMatch(/key-of-ci memory ignored by os:ada/);
});

test('the keys of targets are not shown to whoever sees only a team', async () => {
  const browser = openBrowser(world.url());
  await browser.signIn('ads');
  const page = await browser.get('/unmanaged');
  expect(page.status).toBeGreaterThanOrEqual(400);
  expect(page.body).not.toContain('key-of-nobody');
});

test('drills are shown with what was measured, to those who see the credential', async () => {
  const uses = { tried: 9, unanswered: 0, beforeDeclared: 3, afterDeclared: 2, afterDead: 0, answeredAfterDead: 4 };
  const measures = {
    toContained: 1_200,
    toDead: 2_500,
    toLastUse: 900,
    uses,
    verdict: 'failed',
    because: ['no use was seen'],
  };
  const kept = {
    at: Date.now() - 60_000,
    credential: ads,
    version: newVersion(),
    incident: 'i20260101-drill',
    measures,
  };
  await world.ledger.remember(drillPlace(ads), JSON.stringify(kept));
  const text = textOf(await root.get('/drills'));
  expect(text).toMatch(/in-memory\/prod\/ads standard .* failed no use was seen 1\.2 s 2\.5 s 900 ms i20260101-drill/);
  const browser = openBrowser(world.url());
  await browser.signIn('search');
  expect((await browser.get('/drills')).body).not.toContain(ads);
});

test('the report of an incident is text, whatever was typed into it', async () => {
  const page = await root.get(`/emergency?credentials=${encodeURIComponent(ads)}`);
  const { to } = await root.submit(page, '/emergency', { why: '<img src=x>' });
  for (const path of [to ?? '', `${to}/report`, '/incidents']) {
    const shown = await root.get(path);
    expect(shown.body).toMatch(/lt;img src=x/);
    expect(shown.body).not.toContain('<img');
  }
});

test('an incident is closed with a reason', async () => {
  const list = await root.get('/incidents');
  const incident = /\/incidents\/(i[0-9a-z-]+)/.exec(list.body)?.[1] ?? '';
  const page = await root.get(`/incidents/${incident}/close`);
  const answer = await root.submit(page, `/incidents/${incident}/close`, { why: 'all dead' });
  expect(answer.to).toBe(`/incidents/${incident}?did=close`);
  expect(world.incidents.asked).toContain(`close ${incident} token:root`);
});

test('a part that refreshes itself tells that somebody has to sign in again', async () => {
  const part = await openBrowser(world.url()).get('/rotations/live', { 'hx-request': 'true' });
  expect([part.status, part.headers.get('hx-redirect')]).toEqual([403, '/sign-in']);
});
