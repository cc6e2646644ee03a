import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peopleRoutes, placedOperations } from '../../../control/http-api/people/routes.ts';
import { operations } from '../../../control/operations/table/table.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import type { VersionId } from '../../../domain/identifiers.ts';
import { ads, bot, inventory, targets } from '../emergency-inventory.ts';
import { openPeopleWorld } from './people-world.ts';
import type { PeopleWorld } from './people-world.ts';

let world: PeopleWorld;
let version: VersionId;

beforeAll(async () => {
  world = await openPeopleWorld();
  await world.apply(inventory, targets);
  version = await world.promote(bot, 'r1');
  await world.end(bot, 'r1', 'rotated');
  await world.promote(ads, 'r2');
  await world.end(ads, 'r2', 'rotated');
});
afterAll(() => world.close());

describe('the table', () => {
  test('has one route for each operation, and no place without one', () => {
    expect(placedOperations.toSorted()).toEqual(operations.map(({ name }) => name).toSorted());
    expect(new Set(peopleRoutes.map(({ method, path }) => `${method} ${path}`)).size).toBe(operations.length);
  });

  test.each(peopleRoutes.map((route) => [route.operation.name, route] as const))(
    '%s is refused to a stranger before anything is read, with problem+json',
    async (_name, { method, path }) => {
      const where = path.replace(':provider/:environment/:application', bot).replace(/:[a-z]+/i, 'x');
      const { status, headers, json } = await world.ask(method, where, {
        token: null,
        ...(method === 'GET' ? {} : { body: '{not json' }),
      });
      expect([status, headers.get('content-type'), json['code']]).toEqual([
        403,
        'application/problem+json; charset=utf-8',
        'ACCESS_DENIED',
      ]);
    },
  );
});

describe('reading', () => {
  test.each([
    ['/v1/credentials/in-memory/prod/bot', ['show', bot]],
    ['/v1/credentials/in-memory/prod/bot/status', ['status', bot]],
    ['/v1/status', ['status']],
    ['/v1/incidents', ['incident', 'list']],
  ] as const)('%s answers what the command line prints with --json', async (path, line) => {
    const { status, json } = await world.ask('GET', path);
    const typed = (await world.json(line)) as Record<string, unknown>;
    const still = (value: unknown): unknown => JSON.parse(JSON.stringify(value).replaceAll(/"now":\d+/g, '"now":0'));
    expect([status, still(json)]).toEqual([200, still(typed)]);
  });

  test('the list goes page by page, and each page says where the next begins', async () => {
    const ids: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const cursor: string = next === '' ? '' : `&after=${encodeURIComponent(next)}`;
      const { json } = await world.ask('GET', `/v1/credentials?limit=1${cursor}`);
      const page = json['credentials'] as readonly { readonly id: string }[];
      ids.push(...page.map(({ id }) => id));
      next = json['next'] as string | null;
    }
    expect(ids).toEqual(['in-memory/lab/bot', ads, bot]);
  });

  test('a team neither lists nor opens what belongs to another', async () => {
    const { json } = await world.ask('GET', '/v1/credentials', { token: 'ads' });
    expect((json['credentials'] as readonly { id: string }[]).map(({ id }) => id)).toEqual([ads]);
    expect((await world.ask('GET', `/v1/credentials/${bot}`, { token: 'ads' })).status).toBe(404);
    expect(
      (await world.ask('POST', `/v1/credentials/${bot}/rotate`, { token: 'ads', body: { why: 'x' } })).status,
    ).toBe(404);
  });

  test.each([
    ['/v1/credentials?limit=0', 'limit'],
    ['/v1/credentials?limit=many', 'limit'],
    ['/v1/credentials?nonsense=1', 'nonsense'],
    ['/v1/credentials/IN/prod/bot', 'credential'],
    ['/v1/incidents/..%2f..%2fetc', 'incident'],
  ])('%s is INVALID_CONFIG and says which field', async (path, field) => {
    const { status, json } = await world.ask('GET', path);
    expect([status, json['code'], json['detail']]).toEqual([400, 'INVALID_CONFIG', expect.stringContaining(field)]);
  });
});

describe('changing', () => {
  test('rotate writes the request under who asked, and is recorded', async () => {
    const { status, json } = await world.ask('POST', `/v1/credentials/${bot}/rotate`, { body: { why: 'laptop lost' } });
    expect([status, json]).toEqual([
      200,
      expect.objectContaining({ credential: bot, rotation: 'started', trouble: null }),
    ]);
    const [request] = (await world.ledger.facts(bot)).requests;
    expect(request).toMatchObject({ kind: 'rotate', who: 'token:root', why: 'laptop lost' });
    expect(world.people.recorded.at(-1)).toEqual({ actor: 'token:root', operation: 'rotate', outcome: 'done' });
  });

  test('pause and unpause', async () => {
    const paused = await world.ask('POST', `/v1/credentials/${bot}/pause`, { body: { why: 'night' } });
    expect([paused.status, paused.json['request']]).toEqual([
      200,
      expect.objectContaining({ kind: 'pause', version: null }),
    ]);
    const on = await world.ask('POST', `/v1/credentials/${bot}/unpause`, { body: { why: 'day' } });
    expect((on.json['withdrawn'] as readonly string[]).length).toBe(1);
  });

  test('without a reason is refused with the field', async () => {
    const { status, json } = await world.ask('POST', `/v1/credentials/${bot}/rotate`, { body: {} });
    expect([status, json['detail']]).toEqual([400, expect.stringContaining('why')]);
  });

  test('what the path says cannot be said otherwise in the body', async () => {
    const body = { why: 'x', credential: ads };
    expect((await world.ask('POST', `/v1/credentials/${bot}/rotate`, { body, token: 'search' })).status).toBe(400);
  });
});

describe('emergency', () => {
  test('a dry run says what would die and touches nothing', async () => {
    const { status, json } = await world.ask('POST', '/v1/emergencies/dry-run', { body: { credentials: [bot] } });
    expect([status, json['blast']]).toEqual([
      200,
      expect.objectContaining({ source: 'ledger', consumers: ['batch', 'web'] }),
    ]);
    expect(world.incidents.order).toEqual([]);
  });

  test('hands the keys to the workers and answers at once; its incident is shown', async () => {
    const body = { credentials: [bot], why: 'in a public repository' };
    const { status, json } = await world.ask('POST', '/v1/emergencies', { body });
    expect([status, json]).toEqual([200, expect.objectContaining({ kind: 'declared', how: 'temporal', troubles: [] })]);
    expect(world.incidents.declared.at(-1)?.parts[0]?.versions.map((one) => one.version)).toEqual([version]);
    const shown = await world.ask('GET', `/v1/incidents/${String(json['incident'])}`, { token: 'search' });
    expect([shown.status, shown.json['who']]).toEqual([200, 'token:root']);
    expect((await world.ask('GET', `/v1/incidents/${String(json['incident'])}`, { token: 'ads' })).status).toBe(404);
    const { json: seen } = await world.ask('GET', '/v1/incidents', { token: 'ads' });
    expect(seen['incidents']).toEqual([]);
  });

  test('over keys of another team too is refused, and none of them dies', async () => {
    const before = world.incidents.declared.length;
    const { status } = await world.ask('POST', '/v1/emergencies', {
      token: 'search',
      body: { environment: 'prod', why: 'x' },
    });
    expect([status, world.incidents.declared.length]).toEqual([404, before]);
  });

  test('while Temporal is down says which command kills, and kills nothing in the API', async () => {
    world.incidents.temporalDown = new KeybatonError('UNAVAILABLE', 'Temporal does not answer at 127.0.0.1:7233');
    const { status, json } = await world.ask('POST', '/v1/emergencies', {
      body: { credentials: [bot], why: "it's out" },
    });
    world.incidents.temporalDown = undefined;
    expect([status, json['detail']]).toEqual([
      503,
      expect.stringContaining(`keybaton emergency ${bot} --direct --reason 'it'\\''s out'`),
    ]);
    expect(world.incidents.killed).toEqual([]);
  });
});

describe('the description', () => {
  test('is OpenAPI 3.1 with every operation once, and needs no token', async () => {
    const { status, json } = await world.ask('GET', '/openapi.json', { token: null });
    const paths = json['paths'] as Record<string, Record<string, { operationId?: string }>>;
    const ids = Object.values(paths).flatMap((methods) =>
      Object.values(methods).flatMap(({ operationId }) => operationId ?? []),
    );
    expect([status, json['openapi'], ids.toSorted()]).toEqual([
      200,
      '3.1.0',
      operations.map(({ name }) => name).toSorted(),
    ]);
  });

  test('is a page too, without a script and with a policy that allows none', async () => {
    const { status, text, headers } = await world.ask('GET', '/reference', { token: null });
    expect([status, text.includes('<script'), text.includes('/v1/emergencies')]).toEqual([200, false, true]);
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'; /);
  });
});
