import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { withoutProviders } from '../../control/http-api/people/without-providers.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { ads, bot, inventory, targets } from '../control/emergency-inventory.ts';
import { openPeopleWorld } from '../control/http-api/people-world.ts';
import type { PeopleWorld } from '../control/http-api/people-world.ts';
import { sheetOf } from '../control/kill-sheet.ts';
import { openBrowser, textOf } from './browser.ts';

/** Taken and never answered, as by a database behind a firewall that drops what it gets. */
const silence = { hangs: false, asked: 0 };
const silent = <Ledger extends object>(ledger: Ledger): Ledger =>
  new Proxy(ledger, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...said: unknown[]): unknown => {
        if (!silence.hangs) return Reflect.apply(member, target, said);
        silence.asked += 1;
        return new Promise(() => undefined);
      };
    },
  });

let world: PeopleWorld;
let version: VersionId;
let root: ReturnType<typeof openBrowser>;

beforeAll(async () => {
  const options = {
    ledger: { look: 200, change: 400, again: 50, remembered: 60_000 },
    ports: withoutProviders({
      ports: async () => ({ ...world.ports, ledger: silent(world.ledger) }),
      incidentPorts: async () => {
        const { ports } = world.incidents;
        return { ...ports, ledger: async () => silent(await ports.ledger()) };
      },
    }),
  };
  world = await openPeopleWorld(options);
  await world.apply(inventory, targets);
  version = await world.promote(bot, 'r1');
  await world.promote(ads, 'a1');
  world.incidents.sheet = sheetOf([{ credential: bot, version }]);
  world.incidents.prints.set('leaked', [{ provider: 'in-memory', fingerprint: `kb1:p:${version}` }]);
  root = openBrowser(world.url());
  await root.signIn('root');
});
afterEach(() => {
  Object.assign(silence, { hangs: false, asked: 0 });
});
afterAll(() => world.close());

const hang = (): void => void Object.assign(silence, { hangs: true, asked: 0 });
const banner = 'The ledger does not answer (the ledger did not answer within';

describe('with a ledger that takes every question and answers none', () => {
  test.each(['/', '/rotations', `/credentials/${bot}`])(
    '%s shows what the kill sheet knows, and says so',
    async (path) => {
      hang();
      const page = await root.get(path);
      expect(page.status).toBe(200);
      const text = textOf(page);
      expect(text).toContain(banner);
      expect(text).toMatch(
        new RegExp(`1 secret of the kill sheet .* bot in-memory prod search memory .* ${version} current`),
      );
      expect(page.body).toContain(`/emergency?credentials=${encodeURIComponent(bot)}`);
    },
  );

  test('what the workers say of a rotation stands beside it', async () => {
    hang();
    world.rotations.running = { step: 'held', since: 1, waitsFor: 'proof', version: undefined, epoch: 1 } as never;
    const text = textOf(await root.get('/rotations'));
    world.rotations.running = undefined;
    expect(text).toMatch(/current held kill it/);
  });

  test('a team is shown its own of the kill sheet, and nothing of others', async () => {
    const browser = openBrowser(world.url());
    await browser.signIn('ads');
    hang();
    const page = await browser.get('/');
    expect(textOf(page)).toContain('it names nothing that you may see');
    expect(page.body).not.toContain(version);
  });

  test.each([
    `/emergency?credentials=${encodeURIComponent(bot)}`,
    '/emergency?provider=in-memory',
    `/credentials/${bot}/by-hand`,
  ])('%s waits for it once and no more', async (path) => {
    hang();
    const page = await root.get(path);
    expect([page.status, silence.asked]).toEqual([200, 1]);
    expect(textOf(page)).toContain(banner);
    expect(textOf(page)).toContain('kill sheet');
  });

  test('the red button kills after one question to it', async () => {
    hang();
    const page = await root.get(`/emergency?credentials=${encodeURIComponent(bot)}`);
    silence.asked = 0;
    const answer = await root.submit(page, '/emergency', { why: 'pasted in a chat' });
    expect([answer.status, silence.asked]).toEqual([303, 1]);
    silence.asked = 0;
    const shown = await root.get(answer.to ?? '');
    expect(textOf(shown)).toMatch(/1 key: contained 1, dead 1/);
    expect(silence.asked).toBe(1);
  });

  test('the owner of a pasted value is found after one question to it', async () => {
    const form = await root.get('/whose');
    hang();
    const answer = await root.submit(form, '/whose', { value: 'leaked' });
    expect(textOf(answer)).toContain(`${bot} ${version}`);
    expect(silence.asked).toBe(1);
  });

  test.each(['/unmanaged', '/drills'])('%s, which only the ledger knows, says so and what works', async (path) => {
    hang();
    const page = await root.get(path);
    expect(page.status).toBe(503);
    expect(textOf(page)).toContain(banner);
    expect(page.body).toContain('href="/emergency"');
  });

  test('a change is not taken for done: the form comes back, or says that the ledger is silent', async () => {
    const form = await root.get(`/credentials/${bot}/pause`);
    hang();
    const answer = await root.submit(form, `/credentials/${bot}/pause`, { why: 'a deploy' });
    expect(answer.status).toBe(503);
    expect(textOf(answer)).toContain('the ledger did not answer within');
  });

  test('a page after one that waited for it waits less, until it has answered', async () => {
    await root.get('/');
    hang();
    expect(textOf(await root.get('/'))).toContain('did not answer within 0.2 s');
    expect(textOf(await root.get('/rotations'))).toContain('did not answer within 0.05 s');
    expect(textOf(await root.get('/emergency?provider=in-memory'))).toContain('did not answer within 0.05 s');
    silence.hangs = false;
    await root.get('/');
    hang();
    expect(textOf(await root.get('/'))).toContain('did not answer within 0.2 s');
  });

  test('once it answers again, so does the page', async () => {
    hang();
    await root.get('/');
    silence.hangs = false;
    const text = textOf(await root.get('/'));
    expect(text).not.toContain(banner);
    expect(text).toContain('3 secrets on this page');
  });
});
