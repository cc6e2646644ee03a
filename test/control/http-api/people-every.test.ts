import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { peopleRoutes } from '../../../control/http-api/people/routes.ts';
import { operations } from '../../../control/operations/table/table.ts';
import { ads, bot, inventory, targets } from '../emergency-inventory.ts';
import { placed, samples, why } from './operation-samples.ts';
import { openPeopleWorld } from './people-world.ts';
import type { PeopleWorld } from './people-world.ts';

let world: PeopleWorld;
let incident: string;
let token: string;

beforeAll(async () => {
  world = await openPeopleWorld();
  await world.apply(inventory, targets);
  await world.promote(bot, 'r1');
  await world.end(bot, 'r1', 'rotated');
  await world.promote(bot, 'r2');
  const declared = await world.ask('POST', '/v1/emergencies', { body: { credentials: ['in-memory/prod/ads'], why } });
  expect(declared.status).toBe(404);
  await world.promote(ads, 'r3');
  await world.end(ads, 'r3', 'rotated');
  incident = String(
    (await world.ask('POST', '/v1/emergencies', { body: { credentials: [bot], why } })).json['incident'],
  );
  const made = await world.ask('POST', '/v1/consumer-tokens', { body: { credential: bot, consumer: 'web' } });
  token = String(made.json['id']);
});
afterAll(() => world.close());

describe('every operation over HTTP', () => {
  test('has a sample here', () => {
    expect(Object.keys(samples).toSorted()).toEqual(operations.map(({ name }) => name).toSorted());
  });

  test.each(peopleRoutes.map((route) => [route.operation.name, route] as const))(
    '%s answers what its own schema says, or a problem with what to do instead',
    async (name, { operation, method, path }) => {
      const [status, input = {}] = samples[name] ?? [0];
      const filled = JSON.parse(JSON.stringify(input).replace('INCIDENT', incident).replace('TOKEN', token)) as Record<
        string,
        unknown
      >;
      const { url, rest } = placed(path, filled);
      const query = method === 'GET' ? `?${new URLSearchParams(rest as Record<string, string>).toString()}` : '';
      const answer = await world.ask(method, url + query, method === 'GET' ? {} : { body: rest });
      expect([answer.status, answer.status < 300 ? '' : answer.json['detail']]).toEqual([
        status,
        status < 300 ? '' : expect.any(String),
      ]);
      if (status === 501)
        expect(answer.json['detail']).toMatch(/on the host of a worker.*: keybaton |type it on the host/);
      if (status < 300) {
        const read = operation.answer.safeParse(answer.json);
        expect(read.error?.issues ?? []).toEqual([]);
        expect(operation.effect === 'read').toBe(!world.people.recorded.some((one) => one.operation === name));
      }
    },
  );

  test('a value that was sent is in no log line, answer or record', async () => {
    const rows = JSON.stringify(await world.ledger.dump());
    const said = world.logged.join('') + JSON.stringify(world.people.recorded) + rows;
    expect([said.includes('nobody-knows-it'), said.includes('canary-of-supply')]).toEqual([false, false]);
  });
});
