import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { glass, grantOf } from '../control/access/access-world.ts';
import { bot, inventory, targets } from '../control/emergency-inventory.ts';
import { textOf } from './browser.ts';
import { openGuardedWorld } from './guarded-world.ts';
import type { GuardedWorld } from './guarded-world.ts';

let world: GuardedWorld;
let id = '';
const page = `/credentials/${bot}`;

beforeAll(async () => {
  world = await openGuardedWorld();
  await world.apply(inventory, targets);
  await world.promote(bot, 'r1');
  await world.end(bot, 'r1', 'rotated');
  await world.promote(bot, 'r2');
  const ada = await world.as('ada');
  const form = await ada.get(`${page}/release-unproved`);
  await ada.submit(form, `${page}/release-unproved`, { why: 'batch is <gone>' });
  id = (await world.access.desk.approvals.list(Date.now()))[0]?.id ?? '';
});
afterAll(() => world.close());

describe('an approval', () => {
  test('is counted beside its place on every page, for those it concerns', async () => {
    expect(textOf(await (await world.as('bea')).get('/whose'))).toMatch(/Approvals 1 /);
    expect((await (await world.as('vic', ['watchers'])).get('/whose')).body).not.toContain('/approvals');
  });

  test('says who asks for what, why it takes two, and until when', async () => {
    const text = textOf(await (await world.as('bea')).get('/approvals'));
    expect(text).toMatch(
      /release in-memory\/prod\/bot Approval [0-9a-f]{12} Asked by oidc:company:ada@example\.com, .* Until in (29|30)(\.\d)? min/,
    );
    expect(text).toContain('it goes on without proof');
    expect(text).toContain('batch is <gone>');
  });

  test('is not agreed to by whoever asked, whatever is sent', async () => {
    const ada = await world.as('ada');
    const shown = await ada.get('/approvals');
    expect(shown.body).not.toContain(`/approvals/${id}/agree`);
    expect(shown.body).not.toContain(`/approvals/${id}/do`);
    expect(textOf(shown)).toContain('You asked: another person must agree');
    const proof = /name="proof"\s+value="([^"]+)"/.exec(shown.body)?.[1] ?? '';
    const forced = await ada.post(`/approvals/${id}/agree`, { proof });
    expect(forced.status).toBe(403);
    expect(textOf(forced)).toContain('you have asked for this yourself');
    expect((await world.access.desk.approvals.find(id, Date.now())).agreed).toEqual([]);
  });

  test('is not agreed to by a token, which may be in the hands of whoever asked', async () => {
    const browser = await world.with(await world.access.token('ci', [grantOf('oncall')]));
    const shown = await browser.get('/approvals');
    expect(shown.body).not.toContain(`/approvals/${id}/agree`);
    expect(textOf(shown)).toContain('Only a person agrees');
  });

  test('is refused by the second person, and then nobody does it', async () => {
    const ada = await world.as('ada');
    const sent = { consumer: 'web', why: 'not used' };
    await ada.submit(await ada.get(`${page}/waive`), `${page}/waive`, sent);
    const bea = await world.as('bea');
    const shown = await bea.get('/approvals');
    const asked = await world.access.desk.approvals.list(Date.now());
    const other = asked.find(({ operation }) => operation === 'waive')?.id ?? '';
    const refused = await bea.submit(shown, `/approvals/${other}/refuse`, {});
    expect(refused.to).toBe('/approvals?did=refuse');
    const left = await world.access.desk.approvals.list(Date.now());
    expect(left.map(({ operation }) => operation)).toEqual(['release']);
    expect((await world.ledger.evidence(bot)).waivers).toEqual([]);
  });

  test('is done by whoever asked once a second person has agreed, word for word', async () => {
    const bea = await world.as('bea');
    const agreed = await bea.submit(await bea.get('/approvals'), `/approvals/${id}/agree`, {});
    expect(agreed.to).toBe('/approvals?did=agree');
    const ada = await world.as('ada');
    const shown = await ada.get('/approvals');
    expect(textOf(shown)).toContain('oidc:company:bea@example.com');
    const done = await ada.submit(shown, `/approvals/${id}/do`, {});
    expect(done.to).toBe(`${page}?did=release-unproved`);
    expect((await world.ledger.facts(bot)).requests).toMatchObject([
      { kind: 'release', release: 'unproved', who: 'oidc:company:ada@example.com', why: 'batch is <gone>' },
    ]);
    expect(textOf(await ada.get('/approvals'))).toContain('Nothing waits for a second person');
    expect((await ada.post(`/approvals/${id}/do`, {})).status).toBe(403);
  });
});

describe('a review', () => {
  test('is open after a broken glass, counted, and closed with a reason by a person of security', async () => {
    const broken = await world.with(glass);
    await broken.submit(await broken.get(`${page}/pause`), `${page}/pause`, { why: 'nobody answers' });
    const sam = await world.as('sub-of-sam', []);
    const shown = await sam.get('/reviews');
    expect(textOf(shown)).toMatch(/Reviews 1 /);
    expect(textOf(shown)).toMatch(/Open: 1 review .*safe 127\.0\.0\.1 .* pause/);
    const review = /\/reviews\/([0-9a-f]+)\/close/.exec(shown.body)?.[1] ?? '';
    const at = `/reviews/${review}/close`;
    expect((await sam.submit(await sam.get(at), at, { why: ' ' })).status).toBe(400);
    expect((await sam.submit(await sam.get(at), at, { why: 'it was the outage' })).to).toBe('/reviews?did=close');
    const after = textOf(await sam.get('/reviews'));
    expect(after).toContain('no broken glass waits for anybody');
    expect(after).toContain('by oidc:company:sub-of-sam@example.com: it was the outage');
  });

  test('is not closed by the glass itself, and not shown to those on call', async () => {
    const broken = await world.with(glass);
    await broken.submit(await broken.get(`${page}/unpause`), `${page}/unpause`, { why: 'well again' });
    const ada = await world.as('ada');
    expect((await ada.get('/reviews')).status).toBe(403);
    expect((await ada.get('/whose')).body).not.toContain('/reviews');
    expect((await broken.get('/reviews')).body).not.toMatch(/\/reviews\/[0-9a-f]+\/close/);
  });
});
