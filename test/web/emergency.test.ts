import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { KeybatonError } from '../../domain/errors.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { newVersion } from '../control/bench.ts';
import { ads, bot, inventory, targets } from '../control/emergency-inventory.ts';
import { openPeopleWorld } from '../control/http-api/people-world.ts';
import type { PeopleWorld } from '../control/http-api/people-world.ts';
import { sheetOf } from '../control/kill-sheet.ts';
import { openBrowser, textOf } from './browser.ts';

const ledgerDown = new KeybatonError('UNAVAILABLE', 'the ledger is down');
const leaked = 'sk-canary-4711-leaked-value';
let world: PeopleWorld;
let version: VersionId;
let root: ReturnType<typeof openBrowser>;

beforeAll(async () => {
  world = await openPeopleWorld();
  await world.apply(inventory, targets);
  version = await world.promote(bot, 'r1', { fingerprint: 'kb1:p:leaked' });
  await world.end(bot, 'r1', 'rotated');
  await world.promote(ads, 'r2');
  await world.end(ads, 'r2', 'rotated');
  world.incidents.prints.set(leaked, [{ provider: 'in-memory', fingerprint: 'kb1:p:leaked' }]);
  root = openBrowser(world.url());
  await root.signIn('root');
});
afterEach(() => {
  world.incidents.ledgerDown = undefined;
  world.incidents.temporalDown = undefined;
  world.incidents.declared.length = 0;
});
afterAll(() => world.close());

const look = () => root.get(`/emergency?credentials=${encodeURIComponent(bot)}`);

describe('the red button', () => {
  test('shows first what would die and who would feel it; nothing has died', async () => {
    const page = await look();
    expect(textOf(page)).toMatch(/1 key of 1 credential , from the ledger/);
    expect(textOf(page)).toMatch(/at once .* web, batch/);
    expect(world.incidents.declared).toEqual([]);
  });

  test('kills after a reason, and shows the clock', async () => {
    const answer = await root.submit(await look(), '/emergency', { why: 'pasted in a chat' });
    expect(answer.status).toBe(303);
    expect(world.incidents.declared).toHaveLength(1);
    const text = textOf(await root.get(answer.to ?? ''));
    expect(text).toContain('pasted in a chat');
    expect(text).toMatch(/0:0\d .*1 key: contained 1, dead 1/);
    expect(text).toContain('Each moment against its share of the clock');
  });

  test('kills nothing without a reason, and says so', async () => {
    const answer = await root.submit(await look(), '/emergency', { why: '' });
    expect(answer.status).toBe(400);
    expect(textOf(answer)).toContain('say why, for the record');
    expect(world.incidents.declared).toEqual([]);
  });

  test('is narrowed by what is said beside the credentials', async () => {
    const page = await root.get('/emergency?credentials=&provider=in-memory&team=ads');
    expect(textOf(page)).toContain(ads);
    expect(page.body).not.toContain(`/credentials/${bot}"`);
  });

  test('names the command to type when Temporal does not answer', async () => {
    world.incidents.temporalDown = new KeybatonError('UNAVAILABLE', 'Temporal does not answer');
    const answer = await root.submit(await look(), '/emergency', { why: 'pasted in a chat' });
    expect(answer.status).toBe(503);
    expect(textOf(answer)).toContain(`keybaton emergency ${bot} --direct --reason 'pasted in a chat'`);
  });

  test('kills from the kill sheet while the ledger is down', async () => {
    world.incidents.ledgerDown = ledgerDown;
    world.incidents.sheet = sheetOf([{ credential: bot, version }]);
    const page = await look();
    expect(textOf(page)).toContain('from the kill sheet of this machine, without the ledger');
    const answer = await root.submit(page, '/emergency', { why: 'the ledger is down too' });
    expect([answer.status, world.incidents.declared.length]).toEqual([303, 1]);
    expect(textOf(await root.get(answer.to ?? ''))).toMatch(/did not answer ledger/);
  });

  test('more than 25 keys die only when their number is typed', async () => {
    const many = Array.from({ length: 26 }, (_, index) => ({
      credential: `in-memory/prod/n${index}`,
      version: newVersion(),
    }));
    world.incidents.ledgerDown = ledgerDown;
    world.incidents.sheet = sheetOf(many);
    const page = await root.get('/emergency?provider=in-memory');
    expect(textOf(page)).toContain('How many keys does this kill?');
    const refused = await root.submit(page, '/emergency', { why: 'all of them', count: '25' });
    expect(refused.status).toBe(400);
    expect(world.incidents.declared).toEqual([]);
    const answer = await root.submit(page, '/emergency', { why: 'all of them', count: '26' });
    expect([answer.status, world.incidents.declared.length]).toEqual([303, 1]);
  });
});

describe('whose is this?', () => {
  test('answers the owner by the fingerprint, and the value is in no answer and no log', async () => {
    const answer = await root.submit(await root.get('/whose'), '/whose', { value: ` ${leaked}\n` });
    expect(answer.status).toBe(200);
    expect(answer.body).toContain(`/credentials/${bot}`);
    expect(answer.body).not.toContain(leaked);
    expect(JSON.stringify([...answer.headers])).not.toContain(leaked);
    expect(world.logged.length).toBeGreaterThan(0);
    expect(world.logged.join('')).not.toContain(leaked);
  });

  test('says that nobody knows a value, without it', async () => {
    const answer = await root.submit(await root.get('/whose'), '/whose', { value: 'sk-nobody' });
    expect(textOf(answer)).toContain('Nobody known here has this value');
    expect(answer.body).not.toContain('sk-nobody');
  });

  test('works without the ledger', async () => {
    world.incidents.ledgerDown = ledgerDown;
    world.incidents.sheet = sheetOf([{ credential: bot, version }]);
    const found = [{ provider: 'in-memory', fingerprint: `kb1:p:${version}` }];
    world.incidents.prints.set('by the sheet', found);
    const answer = await root.submit(await root.get('/whose'), '/whose', { value: 'by the sheet' });
    expect(textOf(answer)).toContain(`${bot} ${version}`);
  });

  test('kills exactly that key when it is pasted once more', async () => {
    const answer = await root.submit(await root.get('/whose'), '/whose', { value: leaked });
    const killed = await root.submit(answer, '/whose/kill', { value: leaked, why: 'pasted in a chat' });
    expect(killed.status).toBe(303);
    const parts = world.incidents.declared.flatMap((one) => one.parts.flatMap((part) => part.versions));
    expect(parts.map((one) => [one.credential, one.version])).toEqual([[bot, version]]);
    expect(world.logged.join('')).not.toContain(leaked);
  });
});
