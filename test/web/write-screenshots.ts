// Makes the pictures of docs/page.md from the page itself, in the browser of the slow tests. The data is the tests' own.

import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/setup/places.mjs';
import { bot, inventory, targets } from '../control/emergency-inventory.ts';
import { startChromium } from '../support/chromium.ts';
import { openGuardedWorld } from './guarded-world.ts';

const folder = join(root, 'docs', 'page');
const mostBytes = 150_000;

const pictures = [
  { name: 'inventory', path: '/', width: 1280, height: 480 },
  { name: 'held', path: `/credentials/${bot}`, width: 390, height: 844 },
  { name: 'emergency', path: `/emergency?credentials=${encodeURIComponent(bot)}`, width: 390, height: 844 },
] as const;

mkdirSync(folder, { recursive: true });
const world = await openGuardedWorld();
const browser = await startChromium();
try {
  await world.apply(inventory, targets);
  await world.promote(bot, 'r1');
  await world.end(bot, 'r1', 'rotated');
  const version = await world.promote(bot, 'r2');
  const waitsFor = 'web: no instance seen (possession)';
  world.rotations.running = { step: 'held', since: Date.now() - 3_600_000, waitsFor, version, epoch: 2 } as never;
  const { token } = await world.access.people.signIn({
    by: 'oidc',
    issuer: 'company',
    subject: 'ada',
    name: 'ada@example.com',
    groups: ['sre'],
  });
  for (const { name, path, width, height } of pictures) {
    const page = await browser.newPage({ viewport: { width, height }, colorScheme: 'light' });
    await page.goto(`${world.url()}/sign-in?next=${encodeURIComponent(path)}`);
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.getByRole('table').first().waitFor();
    const file = join(folder, `${name}.png`);
    await page.screenshot({ path: file });
    const { size } = statSync(file);
    if (size > mostBytes) throw new Error(`${name}.png has ${String(size)} bytes: show less`);
    console.log(`${name}.png ${String(Math.ceil(size / 1_000))} kB`);
  }
} finally {
  await browser.close();
  await world.close();
}
