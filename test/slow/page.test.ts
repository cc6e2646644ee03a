import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KeybatonError } from '../../domain/errors.ts';
import { ads, bot, inventory, targets } from '../control/emergency-inventory.ts';
import { glass } from '../control/access/access-world.ts';
import { sheetOf } from '../control/kill-sheet.ts';
import { startChromium } from '../support/chromium.ts';
import { needs } from '../support/needs.ts';
import { openGuardedWorld } from '../web/guarded-world.ts';
import type { GuardedWorld } from '../web/guarded-world.ts';

const here = needs('chromium');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let world: GuardedWorld;
let token = '';
let browser: Browser;
let incident = '';

beforeAll(async () => {
  if (!here) return;
  world = await openGuardedWorld();
  await world.apply(inventory, targets);
  const version = await world.promote(bot, 'r1');
  await world.end(bot, 'r1', 'rotated');
  await world.promote(ads, 'r2');
  await world.ledger.sighted({ target: 'memory', kind: 'unmanaged', refs: [{ id: 'key-of-nobody' }] });
  world.incidents.sheet = sheetOf([{ credential: bot, version }]);
  ({ token } = await world.access.people.signIn({
    by: 'oidc',
    issuer: 'company',
    subject: 'sub-of-sam',
    name: 'sam@example.com',
    groups: ['sre'],
  }));
  const body = { credentials: [ads], why: 'to be looked at' };
  const declared = await world.ask('POST', '/v1/emergencies', { token, body });
  incident = String(declared.json['incident']);
  // Something waits on every page: for a second person, and for whoever looks at broken glass.
  await world.promote(bot, 'r3');
  const ada = await world.as('ada');
  const form = await ada.get(`/credentials/${bot}/release-unproved`);
  await ada.submit(form, `/credentials/${bot}/release-unproved`, { why: 'batch was switched off' });
  const broken = await world.with(glass);
  await broken.submit(await broken.get(`/credentials/${ads}/pause`), `/credentials/${ads}/pause`, {
    why: 'nobody answers',
  });
  world.rotations.running = {
    step: 'held',
    since: Date.now(),
    waitsFor: 'web: not proved',
    version,
    epoch: 2,
  } as never;
  browser = await startChromium();
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await world?.close();
});

interface Opened {
  readonly page: Page;
  /** What the console said that is no mere information: broken policies, failed loads, errors of scripts. */
  readonly complaints: readonly string[];
}

async function opened(options: Parameters<Browser['newContext']>[0] = {}): Promise<Opened & AsyncDisposable> {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  await page.goto(`${world.url()}/sign-in`);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { level: 1, name: 'Inventory' }).waitFor();
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
}

const pages = (): readonly string[] => [
  '/',
  `/credentials/${bot}`,
  '/rotations',
  '/incidents',
  `/incidents/${incident}`,
  '/unmanaged',
  '/drills',
  '/whose',
  `/credentials/${bot}/waive`,
  `/credentials/${bot}/release-unproved`,
  `/credentials/${bot}/by-hand`,
  `/incidents/${incident}/close`,
  '/approvals',
  '/reviews',
  '/emergency',
  `/emergency?credentials=${encodeURIComponent(bot)}`,
];

describe('every page', () => {
  test.each([
    ['light', 390],
    ['dark', 1280],
  ] as const)(
    'is found without fault by axe, fits, and makes the browser complain of nothing: %s, %i px',
    async (colorScheme, width) => {
      await using tab = await opened({ colorScheme, viewport: { width, height: 844 } });
      for (const path of pages()) {
        await tab.page.goto(world.url() + path);
        // Through the debugger's own world: the policy of the page, which stands, allows no inline script.
        await tab.page.evaluate(axe);
        const { violations } = await tab.page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>(
          'axe.run()',
        );
        const found = violations.map(({ id, nodes }) => `${path}: ${id} ${nodes.map(({ html }) => html).join(' | ')}`);
        expect(found).toEqual([]);
        expect(await tab.page.evaluate('document.documentElement.scrollWidth'), path).toBeLessThanOrEqual(width);
      }
      expect(tab.complaints).toEqual([]);
    },
  );
});

describe('at 3 a.m., on a telephone and before any scrolling', () => {
  test('a held rotation shows what it misses, and the first thing that can be done', async () => {
    await using tab = await opened();
    await tab.page.goto(`${world.url()}/credentials/${bot}`);
    await inSight(tab.page.getByText('web: no instance seen (possession)').first());
    await inSight(tab.page.getByRole('link', { name: 'Waive a consumer' }));
  });

  test('an incident shows its clock and what is not through', async () => {
    await using tab = await opened();
    const progress = world.incidents.progress.get(incident);
    if (progress === undefined) throw new Error('it was declared');
    const stuck = { credential: ads, version: 'kb0', state: 'not replaced', why: 'late', person: true } as never;
    world.incidents.progress.set(incident, { ...progress, open: [stuck] });
    await tab.page.goto(`${world.url()}/incidents/${incident}`);
    await inSight(tab.page.getByRole('timer'));
    await inSight(tab.page.getByRole('link', { name: 'take its rotation over' }));
    world.incidents.progress.set(incident, progress);
  });

  test.each([false, true])('the red button and its reason are there; with the ledger down: %s', async (down) => {
    await using tab = await opened();
    world.incidents.ledgerDown = down ? new KeybatonError('UNAVAILABLE', 'the ledger is down') : undefined;
    try {
      await tab.page.goto(`${world.url()}/emergency?credentials=${encodeURIComponent(bot)}`);
      await inSight(tab.page.getByLabel('Why, for the record'));
      await inSight(tab.page.getByRole('button', { name: /^Kill \d keys? now$/ }));
    } finally {
      world.incidents.ledgerDown = undefined;
    }
  });

  async function inSight(what: Locator): Promise<void> {
    await what.waitFor();
    const box = await what.boundingBox();
    expect(box === null ? Infinity : box.y + box.height).toBeLessThanOrEqual(844);
  }
});

test('a fault that is planted is found: by axe, and by the policy', async () => {
  await using tab = await opened();
  await tab.page.evaluate(axe);
  const plant = `document.querySelector('main').append(document.createElement('img'));
    document.body.setAttribute('onclick', 'nothing()');`;
  await tab.page.evaluate(plant);
  const { violations } = await tab.page.evaluate<{ violations: { id: string }[] }>('axe.run()');
  expect(violations.map(({ id }) => id)).toContain('image-alt');
  await expect.poll(() => tab.complaints.join()).toMatch(/Content Security Policy/);
});

test('the clock of an incident runs by itself, and what is refreshed takes the place of the keyboard from nobody', async () => {
  await using tab = await opened();
  await tab.page.goto(`${world.url()}/incidents/${incident}`);
  const clock = tab.page.getByRole('timer');
  const before = await clock.textContent();
  const way = tab.page.getByRole('link', { name: 'Close the incident' });
  await way.focus();
  await expect.poll(() => clock.textContent(), { timeout: 20_000 }).not.toBe(before);
  expect(await way.evaluate('document.activeElement.textContent')).toBe('Close the incident');
  expect(tab.complaints).toEqual([]);
});

test.each([true, false])(
  'with the ledger down a 390 px phone kills a key by keyboard alone; scripts: %s',
  async (javaScriptEnabled) => {
    await using tab = await opened({ javaScriptEnabled });
    const declared = world.incidents.declared.length;
    world.incidents.ledgerDown = new KeybatonError('UNAVAILABLE', 'the ledger is down');
    try {
      const { page } = tab;
      const tabTo = async (name: string): Promise<void> => {
        for (let presses = 0; presses < 60; presses += 1) {
          await page.keyboard.press('Tab');
          const focused = page.locator(':focus');
          const text = `${(await focused.textContent()) ?? ''} ${(await focused.getAttribute('name')) ?? ''}`;
          if (text.includes(name)) return;
        }
        throw new Error(`no key leads to ${name}`);
      };
      await tabTo('Emergency');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: 'Emergency' }).waitFor();
      await tabTo('credentials');
      await page.keyboard.type(bot);
      await tabTo('Show what would die');
      await page.keyboard.press('Enter');
      await page.getByText('from the kill sheet of this machine').waitFor();
      await tabTo('why');
      await page.keyboard.type('found in a public repository');
      await tabTo('Kill 1 key now');
      await page.keyboard.press('Enter');
      await page.getByRole('timer').waitFor();
      expect(world.incidents.declared.length).toBe(declared + 1);
    } finally {
      world.incidents.ledgerDown = undefined;
    }
  },
);
