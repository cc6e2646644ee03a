import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReadMain } from '../../backends/embedded/read-main.ts';
import { openEmbedded } from '../../backends/embedded.ts';
import { startScript } from '../../scripts/servers/child-process.ts';
import { startPostgresServer, type PostgresServer } from '../../scripts/servers/postgres-server.ts';
import type { Program } from '../../scripts/servers/program.ts';
import { root } from '../../scripts/setup/places.mjs';
import { openInstallation, type Installation } from '../emergency/installation.ts';
import { crowdInventory, crowdTargets } from '../emergency/key-crowd.ts';
import type { OpenAiSettings } from '../fakes/openai/state.ts';
import { startFake, type RunningFake } from '../fakes/start.ts';
import { startChromium } from '../support/chromium.ts';
import { needs } from '../support/needs.ts';
import { until } from '../support/until.ts';

const here = needs('chromium');
const size = { projects: 1, perProject: 2, versions: 1 };
const before = 'openai/prod/bot-000';
const after = 'openai/prod/bot-001';

/** PostgreSQL, Temporal, worker, API, provider and browser are processes of their own; the first of them goes away. */
describe('with the database of the ledger stopped, a person with a telephone', { timeout: 120_000 }, () => {
  let database: PostgresServer;
  let fake: RunningFake<OpenAiSettings>;
  let installation: Installation;
  let browser: Browser;
  let token = '';
  let url = '';
  let late = '';
  const keys = new Map<string, string>();
  const programs: Program[] = [];
  const close: (() => Promise<unknown>)[] = [];

  const works = async (credential: string): Promise<number> => {
    const value = keys.get(credential);
    if (value === undefined) throw new Error(`${credential} has no key`);
    return (await fetch(`${fake.url}/models`, { headers: { authorization: `Bearer ${value}` } })).status;
  };

  const startApi = async (): Promise<string> => {
    const api = await startScript({
      file: join(root, 'bin', 'keybaton.js'),
      args: ['api', '--listen', '127.0.0.1:0'],
      cwd: installation.folder,
      env: installation.environment,
    });
    programs.push(api);
    const [, at = ''] = await api.printed(/HTTP API at (http:\S+)/);
    return at;
  };

  beforeAll(async () => {
    if (!here) return;
    const closing = <One>(one: One, how: (one: One) => Promise<unknown>): One => {
      close.push(() => how(one));
      return one;
    };
    database = closing(await startPostgresServer(), (one) => one.stop());
    fake = closing(await startFake<OpenAiSettings>('openai'), (one) => one.stop());
    installation = closing(
      await openInstallation({
        targets: crowdTargets(fake, size, { revokeSpread: 0 }),
        inventory: crowdInventory(size),
        environment: { OPENAI_ADMIN: fake.adminKey, KEYBATON_LEDGER: database.adminUrl },
      }),
      (one) => one.close(),
    );
    close.push(async () => {
      for (const program of programs) await program.stop();
    });
    const made = await installation.type(['access', 'new', '--json']);
    // The command answers the token under this name.
    ({ token } = JSON.parse(made.stdout) as { token: string });
    [url, browser] = await Promise.all([
      startApi(),
      startChromium().then((one) => closing(one, (browser) => browser.close())),
      installation.startWorker(),
    ]);
    const rotated = await Promise.all(
      [before, after].map((credential) => installation.type(['rotate', credential, '--wait'])),
    );
    for (const { exit, stdout, stderr } of rotated) if (exit !== 0) throw new Error(`rotate: ${stdout}${stderr}`);
    const vault = openEmbedded(
      { file: join(installation.folder, 'vault.sqlite') },
      { key: (purpose) => installation.key.derive(purpose) },
    );
    for (const credential of [before, after]) {
      const { fields } = createReadMain(vault)(`ai/prod/providers/openai/keys/${credential.slice(-7)}`, 'current');
      keys.set(credential, fields.reveal()[fields.valueFieldName() ?? ''] ?? '');
    }
    vault.close();
    expect(await Promise.all([works(before), works(after)])).toEqual([200, 200]);
    await database.kill();
  }, 120_000);
  afterAll(async () => {
    for (const one of close.toReversed()) await one();
  }, 60_000);

  /** What a person does at 3 a.m., from the address alone to the word that it is dead. */
  async function killByPage(at: string, credential: string): Promise<void> {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
    try {
      const page = await context.newPage();
      await page.goto(`${at}/sign-in`);
      await page.getByLabel('Token').fill(token);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('banner').getByRole('link', { name: 'Emergency', exact: true }).click();
      await page.getByLabel('Credentials').fill(credential);
      await page.getByRole('button', { name: 'Show what would die' }).click();
      await page.getByText('from the kill sheet of this machine').waitFor();
      await page.getByLabel('Why, for the record').fill('found in a public repository');
      await page.getByRole('button', { name: 'Kill 1 key now' }).click();
      await page.getByRole('timer').waitFor();
      // Refreshed by the page itself.
      await page.getByText(/1 key: contained 1, dead 1\b/).waitFor({ timeout: 45_000 });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    } finally {
      await context.close();
    }
  }

  it('signs in with a token and kills a key, which the provider then refuses', async () => {
    await killByPage(url, before);
    expect(await works(before)).toBe(401);
    // Nothing else died.
    expect(await works(after)).toBe(200);
  });

  it('does the same at an API that was started after the database had gone', async () => {
    late = await startApi();
    await killByPage(late, after);
    expect(await works(after)).toBe(401);
  });

  it('finds it all in the ledger once the database is back, at an API that never had it before', async () => {
    const ask = (path: string) => fetch(late + path, { headers: { authorization: `Bearer ${token}` } });
    const without = await Promise.all(['/readyz', '/v1/credentials'].map(async (path) => (await ask(path)).status));
    expect(without).toEqual([503, 503]);
    await database.restart();
    await until('it answers from the ledger', async () => (await ask('/v1/credentials')).status === 200, 40_000);
    expect((await ask('/readyz')).status).toBe(200);
    // The API answers these shapes: see its OpenAPI.
    const read = async <Shape>(path: string) => (await (await ask(path)).json()) as Shape;
    const { credentials } = await read<{ credentials: readonly { id: string }[] }>('/v1/credentials');
    expect(credentials.map(({ id }) => id).toSorted()).toEqual([before, after]);
    // Somebody has to be asked something before what waits on disk is sent.
    await fetch(`${late}/v1/credentials/${before}/pause`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"why":"until it is looked at"}',
    });
    type Events = { events: readonly { kind: string; body: { operation?: string; spooled?: string } }[] };
    await until('who killed it is in the ledger', async () => {
      const { events } = await read<Events>('/v1/history?limit=500');
      return events.some(
        ({ kind, body }) => kind === 'access.done' && body.operation === 'emergency' && body.spooled !== undefined,
      );
    });
  });
});
