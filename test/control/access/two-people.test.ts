import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Principal } from '../../../control/access/principal.ts';
import { call } from '../../../control/http-api/people/call.ts';
import type { OperationPorts } from '../../../control/operations/operation.ts';
import { operations } from '../../../control/operations/table/table.ts';
import { openAccessDesk } from '../../../worker/people.ts';
import { openBench } from '../bench.ts';
import type { Bench } from '../bench.ts';
import { ads, bot, inventory, targets } from '../emergency-inventory.ts';
import { glass, grantOf, openAccessWorld } from './access-world.ts';
import type { AccessWorld } from './access-world.ts';

let world: AccessWorld;
let bench: Bench;
let ports: OperationPorts;
beforeEach(async () => {
  [world, bench] = [await openAccessWorld(), await openBench()];
  ports = {
    ports: async () => bench.ports,
    incidentPorts: async () => bench.incidents.ports,
    access: openAccessDesk(world.folder),
  };
  await bench.apply(inventory, targets);
  await bench.promote(bot, 'r1');
  await bench.promote(ads, 'r2');
});
afterEach(async () => {
  await bench.close();
  await world.close();
});

const why = 'a test';
const waiving = { credential: bot, consumer: 'batch', why };

function does(principal: Principal, name: string, input: unknown): Promise<unknown> {
  const operation = operations.find((one) => one.name === name);
  if (operation === undefined) throw new Error(`no operation ${name}`);
  return call({ operation, input, principal, people: world.people, ports });
}

/** The id of the approval that a refusal names. */
async function waits(asked: Promise<unknown>): Promise<string> {
  const thrown: unknown = await asked.then(
    () => new Error('it was not refused'),
    (error: unknown) => error,
  );
  expect(thrown).toMatchObject({ code: 'CONFLICT', message: expect.stringContaining('two people must agree') });
  return /approval ([0-9a-f]+)/.exec(String(thrown))?.[1] ?? '';
}

/** What was asked for: signing in apart. */
const done = () => world.noted.filter(({ kind }) => kind !== 'access.signed-in');

describe('two people', () => {
  test('agree to exactly the same, and it is done once', async () => {
    const [ann, bob] = [await world.person('ann'), await world.person('bob')];
    const id = await waits(does(ann, 'waive', waiving));
    expect(await does(bob, 'approval-list', {})).toMatchObject({
      approvals: [{ id, operation: 'waive', input: waiving, askedBy: 'oidc:company:ann@example.com', agreed: [] }],
    });
    await does(bob, 'approval-give', { id });
    await does(ann, 'waive', waiving);
    expect(done().map(({ kind, actor }) => [kind, actor])).toEqual([
      ['access.refused', 'oidc:company:ann@example.com'],
      ['access.done', 'oidc:company:bob@example.com'],
      ['access.done', 'oidc:company:ann@example.com'],
    ]);
    expect(done()[2]?.body).toMatchObject({ operation: 'waive', method: 'oidc', address: '192.0.2.7' });
    const again = await waits(does(ann, 'waive', waiving));
    expect(again).not.toBe(id);
  });

  test('are not one person twice, by whatever sign-ins', async () => {
    const ann = await world.person('ann');
    const id = await waits(does(ann, 'waive', waiving));
    // The same subject under another name, from a second sign-in.
    await does(await world.person('ann', ['sre'], 'somebody-else@example.com'), 'approval-give', { id });
    expect(await waits(does(ann, 'waive', waiving))).toBe(id);
  });

  test('are no programs: a token neither agrees nor is counted', async () => {
    const token = await world.bearer(await world.token('ci', [grantOf('admin')]));
    const id = await waits(does(token, 'waive', waiving));
    await expect(does(token, 'approval-give', { id })).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    await does(await world.person('ann'), 'approval-give', { id });
    expect(await waits(does(token, 'waive', waiving))).toBe(id);
    await does(await world.person('bob'), 'approval-give', { id });
    await does(token, 'waive', waiving);
  });

  test('agree to one input: any other needs another', async () => {
    const [ann, bob] = [await world.person('ann'), await world.person('bob')];
    const id = await waits(does(ann, 'waive', waiving));
    await does(bob, 'approval-give', { id });
    const other = await waits(does(ann, 'waive', { ...waiving, consumer: 'web' }));
    expect(other).not.toBe(id);
  });

  test.each([
    ['waive', waiving],
    ['release', { credential: bot, release: 'unproved', why }],
  ])('agree to %s in the epoch they have looked at: the next one needs another', async (name, input) => {
    const [ann, bob] = [await world.person('ann'), await world.person('bob')];
    const id = await waits(does(ann, name, input));
    expect(await does(bob, 'approval-list', {})).toMatchObject({
      approvals: [{ id, why: expect.stringContaining('epoch 1') }],
    });
    await does(bob, 'approval-give', { id });
    await bench.end(bot, 'r1', 'rotated');
    const version = await bench.promote(bot, 'r3');
    const other = await waits(does(ann, name, input));
    expect(other).not.toBe(id);
    expect(await does(bob, 'approval-list', {})).toMatchObject({
      approvals: [{ id }, { id: other, why: expect.stringContaining(`epoch 2 (version ${version})`) }],
    });
  });

  test('must agree in time', async () => {
    const [ann, bob] = [await world.person('ann'), await world.person('bob')];
    const id = await waits(does(ann, 'waive', waiving));
    await does(bob, 'approval-give', { id });
    world.clock.now += 31 * 60_000;
    expect(await waits(does(ann, 'waive', waiving))).not.toBe(id);
  });

  test('of another team see nothing of it, and cannot agree', async () => {
    const id = await waits(does(await world.person('ann'), 'waive', waiving));
    await world.rewrite(
      (await import('./access-world.ts')).accessYaml.replace('teams: [search]', 'teams: [somebody-else]'),
    );
    const other = await world.person('eve', ['search']);
    expect(await does(other, 'approval-list', {})).toEqual({ approvals: [] });
    await expect(does(other, 'approval-give', { id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test.each([
    ['release', { credential: bot, release: 'unproved', why }],
    ['kill-switch-pull', { target: 'memory', switch: 'all-off', count: 26, why }],
    ['emergency', { credentials: [bot], count: 26, why }],
  ])('are asked for %s', async (name, input) => {
    await waits(does(await world.person('ann'), name, input));
  });

  test('are asked when targets change, and when an emergency policy does', async () => {
    await world.rewrite((await import('./access-world.ts')).accessYaml.replace('role: oncall', 'role: admin'));
    const ann = await world.person('ann');
    const apply = (files: object) => does(ann, 'apply', { targets, inventory, expected: 1, ...files });
    await waits(apply({ targets: targets.replace('env:ADMIN', 'env:OTHER') }));
    const slower = inventory.replace(/( +)team: search\n/, '$1team: search\n$1emergency: { policy: replace-first }\n');
    expect(slower).not.toBe(inventory);
    await waits(apply({ inventory: slower }));
    expect(await apply({})).toMatchObject({ kind: 'applied' });
  });

  test('are shown which file it is that they agree to', async () => {
    await world.rewrite((await import('./access-world.ts')).accessYaml.replace('role: oncall', 'role: admin'));
    const other = `${targets.replace('env:ADMIN', 'env:OTHER')}${'# as it was reviewed\n'.repeat(30)}`;
    await waits(does(await world.person('ann'), 'apply', { targets: other, inventory, expected: 1 }));
    const { approvals } = (await does(await world.person('bob'), 'approval-list', {})) as { approvals: unknown[] };
    const print = createHash('sha256').update(other).digest('hex');
    expect(approvals).toMatchObject([{ input: { targets: expect.stringContaining(print) } }]);
  });

  test('are not needed to kill up to 25, by one person', async () => {
    expect(await does(await world.person('ann'), 'emergency', { credentials: [bot], why })).toMatchObject({
      kind: 'declared',
    });
  });
});

describe('one person on call', () => {
  const many = Array.from({ length: 24 }, (_, index) => `in-memory/prod/other-${String(index)}`);

  test('may kill the 25th credential of the hour alone, but not the 26th', async () => {
    const ann = await world.person('ann');
    const hand = ann.person ?? '';
    await world.desk.kills.take({ hand, killed: many, now: world.clock.now });
    expect(await does(ann, 'emergency', { credentials: [bot], why })).toMatchObject({ kind: 'declared' });
    // The same again is no other credential.
    await does(ann, 'emergency', { credentials: [bot], why });
    await does(ann, 'emergency-dry-run', { credentials: [ads] });
    await expect(does(ann, 'emergency', { credentials: [ads], why })).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    await waits(does(ann, 'emergency', { credentials: [ads], why, count: 1 }));
  });
});

describe('broken glass', () => {
  test('stands in for a second person, and what was done stands in the review until a person closes it', async () => {
    const broken = await world.bearer(glass);
    await does(broken, 'waive', waiving);
    expect(world.woken).toMatchObject([{ token: 'safe', address: '192.0.2.7' }]);
    const [review] = await world.desk.reviews.list();
    const id = review?.id ?? '';
    expect(review?.uses).toMatchObject([
      {
        operation: 'waive',
        overrode: expect.stringContaining('it goes on without the proof of a consumer in epoch 1'),
      },
    ]);
    await expect(does(broken, 'review-close', { id, why })).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    const sam = await world.person('sub-of-sam', []);
    expect(await does(sam, 'review-list', { open: true })).toMatchObject({ reviews: [{ id, closed: null }] });
    await does(sam, 'review-close', { id, why: 'read with Ann' });
    expect(await does(sam, 'review-list', { open: true })).toEqual({ reviews: [] });
  });
});
