import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { peopleRoutes } from '../../../control/http-api/people/routes.ts';
import { bot, inventory, targets } from '../emergency-inventory.ts';
import { openPeopleWorld } from './people-world.ts';
import type { PeopleWorld } from './people-world.ts';

let world: PeopleWorld;
beforeAll(async () => {
  world = await openPeopleWorld();
  await world.apply(inventory, targets);
  await world.promote(bot, 'r1');
  await world.end(bot, 'r1', 'rotated');
});
afterAll(() => world.close());

const at = `/v1/credentials/${bot}`;
const looked = async (): Promise<string> => (await world.ask('GET', `${at}/status`)).headers.get('etag') ?? '';
const send = (path: string, body: object, tag?: string) =>
  world.ask('POST', path, { body, ...(tag === undefined ? {} : { headers: { 'if-match': tag } }) });
const stops = async (): Promise<readonly string[]> =>
  (await world.ledger.facts(bot)).requests.map(({ kind, why }) => `${kind}: ${why}`);

beforeEach(async () => {
  await send(`${at}/unpause`, { why: 'anew' });
  await send('/v1/thaw', { credential: bot, why: 'anew' });
  await send('/v1/thaw', { why: 'anew' });
});

describe('what stops a credential', () => {
  test('is not ended by who looked before somebody else stopped it for another reason', async () => {
    await send(`${at}/pause`, { why: 'release night' });
    const seen = await looked();
    await send(`${at}/unpause`, { why: 'the release is out' }, seen);
    await send(`${at}/pause`, { why: 'the database is down' });
    const late = await send(`${at}/unpause`, { why: 'the release is out' }, seen);
    expect([late.status, late.json['detail']]).toEqual([409, expect.stringContaining('the database is down')]);
    expect(await stops()).toEqual(['pause: the database is down']);
    const known = await send(`${at}/unpause`, { why: 'it is up' }, await looked());
    expect([known.status, await stops()]).toEqual([200, []]);
  });

  test('is thawed likewise, alone and with everything', async () => {
    const before = await looked();
    expect(before).toBe('"none"');
    const frozen = await send('/v1/freeze', { credential: bot, why: 'launch' });
    expect((await send('/v1/thaw', { credential: bot, why: 'over' }, before)).status).toBe(409);
    await send('/v1/freeze', { why: 'end of the quarter' });
    expect((await send('/v1/thaw', { why: 'over', expected: [] })).status).toBe(409);
    expect(await stops()).toEqual(['freeze: launch', 'freeze: end of the quarter']);
    expect((await send('/v1/thaw', { why: 'over' }, await looked())).status).toBe(200);
    const { id } = frozen.json['request'] as { readonly id: string };
    const last = await send('/v1/thaw', { credential: bot, why: 'over', expected: [id] });
    expect([last.status, await stops()]).toEqual([200, []]);
  });

  test('that ended meanwhile is no mistake, and a new epoch changes no tag', async () => {
    await send(`${at}/pause`, { why: 'release night' });
    const seen = await looked();
    await world.ledger.alarm({ credential: bot, key: 'x', text: 'y', page: false });
    expect(await looked()).toBe(seen);
    await send(`${at}/unpause`, { why: 'somebody else' });
    const done = await send(`${at}/unpause`, { why: 'over' }, seen);
    expect([done.status, done.json['withdrawn']]).toEqual([200, []]);
  });

  test.each(['*', 'W/"none"', '"a b"', 'none', '"q1", "q2"'])('If-Match %s is no tag of ours', async (tag) => {
    expect((await send(`${at}/unpause`, { why: 'x' }, tag)).status).toBe(400);
  });

  test('If-Match and expected are not said both', async () => {
    expect((await send(`${at}/unpause`, { why: 'x', expected: [] }, '"none"')).status).toBe(400);
  });
});

test('OpenAPI says of every change whether it may overwrite something', async () => {
  const { json } = await world.ask('GET', '/openapi.json');
  const paths = json['paths'] as Record<string, Record<string, { description?: string; parameters?: unknown[] }>>;
  const said = new Map<string, string>();
  for (const { operation, method, path } of peopleRoutes) {
    if (operation.effect === 'read') continue;
    const one = paths[path.replaceAll(/:([a-zA-Z]+)/g, '{$1}')]?.[method.toLowerCase()];
    const parameters = JSON.stringify(one?.parameters ?? []).includes('if-match');
    const text = one?.description ?? '';
    expect([operation.name, /If-Match/.test(text), parameters]).toEqual([
      operation.name,
      true,
      !text.includes('knows no If-Match'),
    ]);
    said.set(operation.name, text);
  }
  expect([...said].filter(([, text]) => text.includes('CONFLICT')).map(([name]) => name)).toEqual([
    'apply',
    'unpause',
    'thaw',
  ]);
});
