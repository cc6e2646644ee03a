import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { killWindow, openKillAllowance } from '../../../control/access/kill-allowance.ts';
import type { Principal } from '../../../control/access/principal.ts';
import type { Reach } from '../../../control/operations/operation.ts';
import { operations } from '../../../control/operations/table/table.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import { glass, grantOf, openAccessWorld } from './access-world.ts';
import type { AccessWorld } from './access-world.ts';

let world: AccessWorld;
beforeEach(async () => {
  world = await openAccessWorld();
});
afterEach(() => world.close());

const nothing = {
  ports: () => Promise.reject(new Error('a kill asks no ledger who may')),
  incidentPorts: () => Promise.reject(new Error('the reach is given')),
};
/** Names of credentials, from one number to another. */
const some = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from }, (_, index) => `in-memory/prod/bot-${String(from + index)}`);

function asked(name: string, killed: readonly string[], input: object = {}) {
  const operation = operations.find((one) => one.name === name);
  if (operation === undefined) throw new Error(`no operation ${name}`);
  const entries = killed.map((credential) => ({ environment: 'prod', team: 'search', groups: [], credential }));
  const reach: Reach = { kind: 'entries', entries };
  return { operation, reach, input: { credentials: killed, why: 'leaked', ...input }, ports: nothing };
}

const kills = (principal: Principal, killed: readonly string[], input: object = {}, people = world.people) =>
  people.authorise({ principal, ...asked('emergency', killed, input) });
const tooMany = { code: 'INVALID_CONFIG', message: expect.stringContaining('more than 25 keys') };
const twoPeople = { code: 'CONFLICT', message: expect.stringContaining('two people must agree') };

describe('one person on call', () => {
  test('kills 25 credentials over all calls; the next needs the count and a second person', async () => {
    const [ann, bob] = [await world.person('ann'), await world.person('bob')];
    await kills(ann, some(0, 20));
    await kills(ann, some(20, 25));
    await expect(kills(ann, some(25, 26))).rejects.toMatchObject(tooMany);
    await expect(kills(ann, some(25, 26), { count: 1 })).rejects.toMatchObject(twoPeople);
    const [approval] = await world.desk.approvals.list(world.clock.now);
    const now = world.clock.now;
    await world.desk.approvals.agree({ id: approval?.id ?? '', person: bob.person ?? '', by: bob.actor, now });
    await kills(ann, some(25, 26), { count: 1 });
    await expect(kills(ann, some(26, 27))).rejects.toMatchObject(tooMany);
  });

  test('is one person by every sign-in, name and process, and after a restart', async () => {
    await kills(await world.person('ann'), some(0, 20));
    const again = await world.open();
    const other = await world.person('ann', ['sre'], 'somebody-else@example.com');
    await expect(kills(other, some(20, 26), {}, again)).rejects.toMatchObject(tooMany);
    await kills(await world.person('bob'), some(20, 26), {}, again);
  });

  test('has another 25 when an hour is over', async () => {
    const ann = await world.person('ann');
    await kills(ann, some(0, 25));
    world.clock.now += killWindow - 1;
    await expect(kills(ann, some(25, 26))).rejects.toMatchObject(tooMany);
    world.clock.now += 1;
    await kills(ann, some(25, 50));
  });

  test('is not counted twice for the same credentials, by a repetition or in another scope', async () => {
    const ann = await world.person('ann');
    await kills(ann, some(0, 25));
    await kills(ann, some(0, 25));
    await kills(ann, some(3, 9));
  });

  test('is counted for no dry run, and for nothing that did not happen', async () => {
    const ann = await world.person('ann');
    await world.people.authorise({ principal: ann, ...asked('emergency-dry-run', some(0, 25)) });
    const refused = await kills(ann, some(0, 25));
    await refused?.ended({ thrown: new KeybatonError('INVALID_CONFIG', 'the scope means another number') });
    const dead = await kills(ann, some(25, 50));
    await dead?.ended({ answer: { kind: 'dead already' } });
    const unsure = await kills(ann, some(50, 75));
    await unsure?.ended({ thrown: new KeybatonError('UNAVAILABLE', 'nobody has answered') });
    await expect(kills(ann, some(0, 1))).rejects.toMatchObject(tooMany);
  });

  test('is held to it by calls at once, of one process or of several', async () => {
    const ann = await world.person('ann');
    const several = await Promise.all(Array.from({ length: 3 }, () => world.open()));
    const calls = Array.from({ length: 9 }, (_, index) =>
      kills(ann, some(index * 10, index * 10 + 10), {}, several[index % 3]).then(
        () => 10,
        () => 0,
      ),
    );
    const done = (await Promise.all(calls)).reduce<number>((sum, one) => sum + one, 0);
    expect(done).toBeLessThanOrEqual(20);
    expect(done).toBeGreaterThan(0);
  });

  test('spends it on a switch too, by the number that was typed', async () => {
    const ann = await world.person('ann');
    const { operation, ports } = asked('kill-switch-pull', []);
    const pull = (count: number) =>
      world.people.authorise({
        principal: ann,
        operation,
        ports,
        reach: { kind: 'installation' },
        input: { target: 'memory', switch: 'all-off', count, why: 'leaked' },
      });
    await pull(20);
    await kills(ann, some(0, 5));
    await expect(pull(21)).rejects.toMatchObject(twoPeople);
  });

  test('types no count for the one key whose value they have', async () => {
    const ann = await world.person('ann');
    await kills(ann, some(0, 25));
    const leaked = { principal: ann, ...asked('emergency-leaked', some(25, 26)) };
    await expect(world.people.authorise(leaked)).rejects.toMatchObject(twoPeople);
  });

  test('is the same for all tokens that one hand has made', async () => {
    const [one, other] = [await world.token('one', [grantOf('oncall')]), await world.token('two', [grantOf('oncall')])];
    await kills(await world.bearer(one), some(0, 25));
    await expect(kills(await world.bearer(other), some(25, 26))).rejects.toMatchObject(tooMany);
  });

  test('that breaks the glass goes on, and the review says that it was too many', async () => {
    const broken = await world.bearer(glass);
    await kills(broken, some(0, 25));
    await kills(broken, some(25, 26), { count: 1 });
    const [review] = await world.desk.reviews.list();
    expect(review?.uses.map(({ overrode }) => overrode)).toEqual([null, expect.stringContaining('more than 25')]);
  });
});

test('a disk that cannot be written stops no kill, and this process counts on', async () => {
  const path = join(world.folder, 'kept.jsonl');
  const troubles: string[] = [];
  const allowance = openKillAllowance(path, (what) => troubles.push(what));
  const { now } = world.clock;
  await allowance.take({ hand: 'ann', killed: some(0, 1), now });
  // Others may read it: it is refused from here on.
  await chmod(path, 0o644);
  expect((await allowance.take({ hand: 'ann', killed: some(1, 25), now })).alone).toBe(true);
  expect((await allowance.take({ hand: 'ann', killed: some(25, 26), now })).alone).toBe(false);
  expect(troubles).not.toEqual([]);
});
