import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { personRoles } from '../../../control/access/access-file.ts';
import { allowedRoles } from '../../../control/access/roles.ts';
import { peopleRoutes } from '../../../control/http-api/people/routes.ts';
import { operations } from '../../../control/operations/table/table.ts';
import type { Role } from '../../../control/access/principal.ts';
import { ads, bot, inventory, targets } from '../emergency-inventory.ts';
import { openAccessDesk } from '../../../worker/people.ts';
import { placed, samples, why } from '../http-api/operation-samples.ts';
import { openPeopleWorld } from '../http-api/people-world.ts';
import type { PeopleWorld } from '../http-api/people-world.ts';
import { grantOf, openAccessWorld } from './access-world.ts';
import type { AccessWorld } from './access-world.ts';

let access: AccessWorld;
let world: PeopleWorld;
const tokens = new Map<string, string>();
let incident = '';

beforeAll(async () => {
  access = await openAccessWorld();
  world = await openPeopleWorld({ people: access.people });
  for (const role of personRoles) tokens.set(role, await access.token(role, [grantOf(role)]));
  tokens.set('consumer', await access.token('consumer', [grantOf('consumer')]));
  tokens.set('elsewhere', await access.token('elsewhere', [grantOf('admin', { teams: ['nobodys-team'] })]));
  tokens.set('staging', await access.token('staging', [grantOf('admin', { environments: ['staging'] })]));
  await world.apply(inventory, targets);
  await world.promote(bot, 'r1');
  await world.end(bot, 'r1', 'rotated');
  await world.promote(ads, 'r2');
  await world.end(ads, 'r2', 'rotated');
  const asAdmin = { token: tokens.get('admin') ?? '' };
  const declared = await world.ask('POST', '/v1/emergencies', { ...asAdmin, body: { credentials: [bot], why } });
  incident = String(declared.json['incident']);
});
afterAll(async () => {
  await world.close();
  await access.close();
});

/** What the first who may would use up. */
async function anew(name: string): Promise<Readonly<Record<string, unknown>>> {
  if (name === 'token-revoke') {
    const body = { credential: bot, consumer: 'web' };
    const made = await world.ask('POST', '/v1/consumer-tokens', { token: tokens.get('admin') ?? '', body });
    return { id: made.json['id'] };
  }
  if (!['approval-give', 'approval-withdraw'].includes(name)) return {};
  const { id } = await openAccessDesk(world.folder).approvals.ask({
    what: `${name} of ${bot}`,
    operation: 'waive',
    input: { credential: bot },
    reach: { kind: 'entries', entries: [{ environment: 'prod', team: 'search', groups: [] }] },
    why: 'it goes on without the proof of a consumer',
    by: 'token:somebody',
    now: Date.now(),
  });
  return { id };
}

async function asked(role: string, name: string) {
  const route = peopleRoutes.find(({ operation }) => operation.name === name);
  if (route === undefined) throw new Error(`no route for ${name}`);
  const [, input = {}] = samples[name] ?? [0];
  const filled: Readonly<Record<string, unknown>> = { ...input, ...(await anew(name)) };
  const text = JSON.stringify(filled).replace('INCIDENT', incident);
  const { url, rest } = placed(route.path, JSON.parse(text) as Record<string, unknown>);
  const query = route.method === 'GET' ? `?${new URLSearchParams(rest as Record<string, string>).toString()}` : '';
  return world.ask(route.method, url + query, {
    token: tokens.get(role) ?? '',
    ...(route.method === 'GET' ? {} : { body: rest }),
  });
}

describe('the table of roles', () => {
  test('has a row for each operation, and none for another', () => {
    expect(Object.keys(allowedRoles).toSorted()).toEqual(operations.map(({ name }) => name).toSorted());
  });

  const everyRole: readonly Role[] = ['consumer', ...personRoles];
  test.each(operations.map(({ name }) => name))('%s answers each role as the table says', async (name) => {
    const row: Record<string, boolean> = {};
    for (const role of everyRole) {
      const { status, json } = await asked(role, name);
      const refused = /^(no role of yours|there is nothing of that name, or it is not yours)/.test(
        String(json['detail']),
      );
      expect(!refused || [403, 404].includes(status)).toBe(true);
      row[role] = !refused;
    }
    expect(row).toEqual(Object.fromEntries(everyRole.map((role) => [role, (allowedRoles[name] ?? []).includes(role)])));
  });

  test.each(operations.map(({ name }) => name))('%s tells nothing to the admin of another team', async (name) => {
    for (const role of ['elsewhere', 'staging']) {
      const { status, text } = await asked(role, name);
      if (name === 'advise' || status === 501) continue;
      expect(status < 300 ? text.includes(bot) || text.includes(ads) : [403, 404].includes(status)).toBe(status >= 300);
    }
  });
});
