import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ads, bot, inventory, lab, targets } from '../control/emergency-inventory.ts';
import { glass } from '../control/access/access-world.ts';
import { openBrowser, textOf } from './browser.ts';
import { openGuardedWorld } from './guarded-world.ts';
import type { GuardedWorld } from './guarded-world.ts';

let world: GuardedWorld;
let old = '';
const page = `/credentials/${bot}`;

beforeAll(async () => {
  world = await openGuardedWorld();
  await world.apply(inventory, targets);
  old = await world.promote(bot, 'r1');
  await world.end(bot, 'r1', 'rotated');
  await world.promote(bot, 'r2');
  await world.promote(ads, 'a1');
  await world.end(ads, 'a1', 'rotated');
});
afterAll(() => world.close());

const offered = (body: string): readonly string[] =>
  [...body.matchAll(/<a\s+class="button[^"]*"\s+href="([^"]+)"/g)].map(([, href = '']) => href.split('/').at(-1) ?? '');

describe('what a page offers', () => {
  test('is what a held rotation needs first, to those who may', async () => {
    const { body } = await (await world.as('ada')).get(page);
    expect(offered(body)).toEqual([
      'acknowledge',
      ...['waive', 'release-unproved', 'rollback', 'rotate', 'pause', 'freeze'],
    ]);
  });

  test('is nothing to whoever only looks', async () => {
    const browser = await world.as('vic', ['watchers']);
    const answer = await browser.get(page);
    expect(answer.status).toBe(200);
    expect(offered(answer.body)).toEqual([]);
    const refused = await browser.get(`${page}/pause`);
    expect(refused.status).toBe(403);
    expect(textOf(refused)).toContain(
      'pause is not yours to do here: it takes the role team, oncall, security, admin; you have viewer',
    );
  });

  test('is less where there is nothing to do it to', async () => {
    const browser = await world.as('ada');
    expect(offered((await browser.get(`/credentials/${lab}`)).body)).toEqual(['rotate', 'pause', 'freeze']);
    expect((await browser.get(`/credentials/${lab}/rollback`)).status).toBe(409);
  });
});

describe('the last page before it is done', () => {
  test('says what will happen and what is missing, and does nothing yet', async () => {
    const text = textOf(await (await world.as('ada')).get(`${page}/release-unproved`));
    expect(text).toMatch(/Missing now: .*web: /);
    expect(text).toContain('The old version is then revoked for ever');
    expect(text).toContain('Two people do this.');
    expect((await world.ledger.facts(bot)).requests).toEqual([]);
  });

  test('names the version that a roll-back makes current again', async () => {
    expect(textOf(await (await world.as('ada')).get(`${page}/rollback`))).toContain(`${old} becomes current again`);
  });

  test('comes back with the refusal and what was typed, when the guard refuses', async () => {
    const sender = await world.as('ada');
    const open = await sender.get(`${page}/pause`);
    const refused = await sender.submit(open, `${page}/pause`, { why: '   ' });
    expect(refused.status).toBe(400);
    expect(textOf(refused)).toContain('This was not done.');
    expect(refused.body).toMatch(/name="why"\s+required/);
  });

  test('is refused to a form that this page did not make', async () => {
    const answer = await (await world.as('ada')).post(`${page}/pause`, { why: 'x', proof: 'A'.repeat(43) });
    expect(answer.status).toBe(403);
    expect((await world.ledger.facts(bot)).requests).toEqual([]);
  });

  test('a role that the guard does not know is told so there too, whatever was sent', async () => {
    const browser = await world.as('vic', ['watchers']);
    const proof = /name="proof"\s+value="([^"]+)"/.exec((await browser.get(page)).body)?.[1] ?? '';
    const answer = await browser.post(`${page}/pause`, { why: 'x', proof });
    expect(answer.status).toBe(403);
    expect(textOf(answer)).toContain('no role of yours allows pause here');
    expect((await world.ledger.facts(bot)).requests).toEqual([]);
  });
});

describe('done', () => {
  test('a pause is in the ledger with its reason, and is offered to be ended', async () => {
    const browser = await world.as('ada');
    const answer = await browser.submit(await browser.get(`${page}/pause`), `${page}/pause`, { why: 'a deploy' });
    expect([answer.status, answer.to]).toEqual([303, `${page}?did=pause`]);
    expect((await world.ledger.facts(bot)).requests).toMatchObject([
      { kind: 'pause', who: 'oidc:company:ada@example.com', why: 'a deploy' },
    ]);
    const after = await browser.get(`${page}?did=pause`);
    expect(textOf(after)).toContain('Done: it is paused');
    expect(offered(after.body)).toContain('unpause');
    await browser.submit(await browser.get(`${page}/unpause`), `${page}/unpause`, { why: 'deployed' });
    expect((await world.ledger.facts(bot)).requests).toEqual([]);
  });

  test('a consumer is waived only when another person has agreed', async () => {
    const ada = await world.as('ada');
    const sent = { consumer: 'batch', why: 'it was switched off' };
    const asked = await ada.submit(await ada.get(`${page}/waive`), `${page}/waive`, sent);
    expect(asked.status).toBe(409);
    expect(textOf(asked)).toMatch(/Asked for; not done yet\. Approval [0-9a-f]{12} waits for another person/);
    expect((await world.ledger.evidence(bot)).waivers).toEqual([]);
    const [approval] = await world.access.desk.approvals.list(Date.now());
    const agreed = {
      id: approval?.id ?? '',
      person: 'company|bea',
      by: 'oidc:company:bea@example.com',
      now: Date.now(),
    };
    await world.access.desk.approvals.agree(agreed);
    const done = await ada.submit(await ada.get(`${page}/waive`), `${page}/waive`, sent);
    expect(done.to).toBe(`${page}?did=waive`);
    expect((await world.ledger.evidence(bot)).waivers).toMatchObject([
      { consumer: 'batch', who: 'oidc:company:ada@example.com' },
    ]);
  });

  test('a broken glass stands in for the second person', async () => {
    const browser = await world.with(glass);
    const form = await browser.get(`${page}/release-unproved`);
    const done = await browser.submit(form, `${page}/release-unproved`, { why: 'nobody else is awake' });
    expect(done.to).toBe(`${page}?did=release-unproved`);
    expect((await world.ledger.facts(bot)).requests).toMatchObject([{ kind: 'release', release: 'unproved' }]);
  });
});

describe('on an incident', () => {
  let incident = '';
  beforeAll(async () => {
    const version = (await world.ledger.facts(ads)).epochs[0]?.version ?? '';
    world.incidents.stubborn.add(version);
    const ada = await world.as('ada');
    const look = await ada.get(`/emergency?credentials=${encodeURIComponent(ads)}`);
    incident = (await ada.submit(look, '/emergency', { why: 'pasted in a chat' })).to?.split('/').at(-1) ?? '';
    const progress = world.incidents.progress.get(incident);
    if (progress === undefined) throw new Error('it was declared');
    const open = {
      ...{ credential: ads, version, state: 'not replaced', why: 'its rotation does not answer' },
      ...{ again: undefined, person: false },
    } as const;
    // The declarer saw one key; the version is the frozen one.
    world.incidents.progress.set(incident, { ...progress, dead: 0, open: [open as never] });
  });

  test('a stuck rotation is taken over where it is shown to be stuck', async () => {
    const ada = await world.as('ada');
    const shown = await ada.get(`/incidents/${incident}`);
    expect(textOf(shown)).toContain('take its rotation over');
    const at = `/incidents/${incident}/take-over`;
    const form = await ada.get(`${at}?credential=${encodeURIComponent(ads)}`);
    expect(textOf(form)).toContain('ended where it stands, and started anew');
    const done = await ada.submit(form, at, { credential: ads });
    expect(done.to).toBe(`/incidents/${incident}?did=take-over`);
    expect(world.incidents.asked).toContain(`take-over ${incident} ${ads}`);
  });

  test('it is closed after a reason, and told what is left', async () => {
    const ada = await world.as('ada');
    const at = `/incidents/${incident}/close`;
    const form = await ada.get(at);
    expect(textOf(form)).toContain('1 key of 1 not proved dead: what is not dead stays a debt');
    expect((await ada.submit(form, at, { why: '' })).status).toBe(400);
    expect((await ada.submit(form, at, { why: 'the rest is a debt' })).to).toBe(`/incidents/${incident}?did=close`);
    expect(world.incidents.asked).toContain(`close ${incident} oidc:company:ada@example.com`);
  });

  test('whoever only looks is offered none of it', async () => {
    const vic = await world.as('vic', ['watchers']);
    const { body } = await vic.get(`/incidents/${incident}`);
    expect(offered(body)).toEqual(['report']);
    expect((await vic.get(`/incidents/${incident}/close`)).status).toBe(403);
  });

  test('a key is killed by hand from a page that needs no ledger', async () => {
    const text = textOf(await (await world.as('ada')).get(`/credentials/${ads}/by-hand`));
    expect(text).toMatch(/console of kb/);
  });
});

test('a stranger reaches none of these pages', async () => {
  for (const path of [`${page}/waive`, `${page}/by-hand`, '/incidents/i1/take-over'])
    expect((await openBrowser(world.url()).get(path)).status).toBe(303);
});
