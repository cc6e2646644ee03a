import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bringOut } from '../../activities/bring-out.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import { credential } from '../control/http-api/world.ts';
import { documentedRole, openRig, type Rig } from './cluster-rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await openRig();
});
afterAll(async () => {
  await rig.close();
});
beforeEach(async () => {
  await rig.fake.reset();
  rig.state.cluster = rig.clusterWith('bound');
  rig.state.now = undefined;
  await rig.declare();
  await rig.furnish();
});

const told = (rolls: readonly string[]) => rolls.join('; ');

describe('a workload that keybaton restarts, behind an ExternalSecret', () => {
  test('is told to sync, restarted once its Secret shows the version, and has rolled out when no older pod is left', async () => {
    const { version, epoch } = await rig.promote();
    expect(told(await rig.pass())).toMatch(
      /^web: Secret team-a\/support-bot (does not exist|shows epoch \d+, and \d+ is the newest); .* was told to sync$/,
    );
    expect(told(await rig.pass())).toBe('web: deployment team-a/web was told to restart its pods');
    expect(told(await rig.pass())).toMatch(/has not taken up its newest template yet$/);
    await rig.rollOut({ upTo: 1 });
    expect(told(await rig.pass())).toMatch(/1 of 3 pods are of its newest template$/);
    expect(await rig.missing()).toHaveLength(1);
    await rig.rollOut();
    expect(await rig.pass()).toEqual([]);
    expect(await rig.missing()).toEqual([]);
    const { evidence } = await rig.world.ledger.evidence(credential);
    expect(evidence.filter(({ withdrawn }) => !withdrawn)).toMatchObject([
      { consumer: 'web', instance: undefined, kind: 'rolled-out' },
    ]);
    const [shown] = (await rig.world.ledger.history({ credential, limit: 1 })).map(({ body }) => body);
    expect(shown).toMatchObject({
      why: 'all 3 pods of deployment team-a/web are newer than what Secret support-bot shows',
    });
    const { patches } = await rig.cluster();
    expect(patches.map(({ resource, body }) => [resource, body])).toEqual([
      ['externalsecrets', { metadata: { annotations: { 'force-sync': expect.stringMatching(/^keybaton-\d+-0$/) } } }],
      [
        'deployments',
        {
          metadata: { resourceVersion: expect.any(String) },
          spec: {
            template: { metadata: { annotations: { keybaton_version: version, keybaton_epoch: String(epoch) } } },
          },
        },
      ],
    ]);
  });

  test('asking again patches and records nothing', async () => {
    await rig.promote();
    await rig.pass();
    await rig.pass();
    await rig.rollOut();
    await rig.pass();
    const before = await rig.world.ledger.history({ credential, limit: 1_000 });
    expect([await rig.pass(), await rig.pass()]).toEqual([[], []]);
    expect(await rig.world.ledger.history({ credential, limit: 1_000 })).toHaveLength(before.length);
    expect((await rig.cluster()).patches).toHaveLength(2);
  });

  test('is not restarted while its Secret shows the version before', async () => {
    await rig.fake.settings({ operator: false });
    await rig.promote();
    for (let times = 0; times < 3; times += 1) expect(told(await rig.pass())).toMatch(/was told to sync$/);
    const { patches } = await rig.cluster();
    expect(patches.map(({ resource }) => resource)).toEqual(['externalsecrets']);
  });

  test('an ExternalSecret that did not sync is told again a minute later, with another value', async () => {
    await rig.fake.settings({ operator: false });
    await rig.promote();
    await rig.pass();
    const facts = await rig.world.ledger.facts(credential);
    await bringOut(rig.ports, { ...facts, now: facts.now + 60_000 }, AbortSignal.timeout(10_000));
    const values = (await rig.cluster()).patches.map(({ body }) => JSON.stringify(body));
    expect([values.length, new Set(values).size]).toEqual([2, 2]);
  });

  test('an older pod that is being ended still counts, one that has ended does not', async () => {
    await rig.promote();
    await rig.pass();
    await rig.pass();
    const name = (await rig.cluster()).pods[0]?.metadata.name ?? '';
    await rig.fake.control('POST', '/pods', { name, leaving: true });
    await rig.rollOut();
    expect(told(await rig.pass())).toMatch(new RegExp(`1 of 4 pods are not known to be newer .* \\(${name}\\)$`));
    await rig.fake.control('POST', '/pods', { name, phase: 'Succeeded' });
    expect(await rig.pass()).toEqual([]);
    expect(await rig.missing()).toEqual([]);
  });

  test('evidence is of one epoch: a roll-back asks for another roll-out', async () => {
    const first = await rig.promote();
    const second = await rig.promote();
    await rig.pass();
    await rig.pass();
    await rig.rollOut();
    await rig.pass();
    expect(await rig.missing()).toEqual([]);
    const back = await rig.world.rollBack(first.version);
    expect(await rig.missing()).toHaveLength(1);
    expect(told(await rig.pass())).toMatch(new RegExp(`shows epoch ${second.epoch}, and ${back.epoch} is the newest`));
    await rig.store({ ...back, value: first.value });
  });

  test('a Secret that is set back to another version takes the evidence away', async () => {
    await rig.promote();
    await rig.pass();
    await rig.pass();
    await rig.rollOut();
    await rig.pass();
    expect(await rig.missing()).toEqual([]);
    const fields = { keybaton_epoch: '1' };
    await rig.fake.control('POST', '/write', { namespace: 'team-a', name: 'support-bot', fields });
    await rig.fake.settings({ operator: false });
    expect(told(await rig.pass())).toContain('shows epoch 1');
    expect(await rig.missing()).toHaveLength(1);
  });

  test('a run of an older epoch touches nothing that a later one has marked', async () => {
    await rig.promote();
    const stale = await rig.world.ledger.facts(credential);
    await rig.promote();
    await rig.pass();
    await rig.pass();
    const before = (await rig.cluster()).patches.length;
    await bringOut(rig.ports, stale, AbortSignal.timeout(10_000));
    expect((await rig.cluster()).patches).toHaveLength(before);
  });

  test.each([
    ['CreatedOnce', { refreshPolicy: 'CreatedOnce' }],
    ['Periodic', { refreshInterval: '0' }],
  ])('an ExternalSecret that does not sync when told (%s) is said to be so', async (policy, refresh) => {
    await rig.furnish({ refresh });
    await rig.promote();
    expect(told(await rig.pass())).toContain(
      `does not sync when told (${policy}): give it an interval, or refreshPolicy OnChange`,
    );
  });

  test.each<[string, () => Promise<unknown>, RegExp]>([
    ['a paused roll-out', () => rig.change({ paused: true }), /its roll-out is paused$/],
    ['a workload of which no pod runs', () => rig.furnish({ replicas: 0 }), /has no pod$/],
    [
      'a workload that uses another Secret',
      () => rig.furnish({ spec: { containers: [{ name: 'web', image: 'web' }] } }),
      /does not use Secret support-bot$/,
    ],
  ])('%s shows nothing', async (_what, happens, says) => {
    await happens();
    await rig.promote();
    await rig.pass();
    await rig.pass();
    await rig.rollOut();
    expect(told(await rig.pass())).toMatch(says);
    expect(await rig.missing()).toHaveLength(1);
  });
});

describe('a workload that Reloader restarts', () => {
  /** The cluster's time of the Secret's change, in whole seconds. */
  const changed = Math.floor(Date.now() / 1_000) * 1_000 - 300_000;
  const begin = async () => {
    await rig.declare({ restart: 'reloader' });
    await rig.fake.settings({ clock: changed + 400 });
    await rig.promote();
    await rig.pass();
  };

  test('has rolled out when every pod was created after the change of its Secret, and is never patched', async () => {
    await begin();
    rig.state.now = changed + 2_000;
    expect(told(await rig.pass())).toMatch(/3 of 3 pods are not known to be newer than the Secret's change/);
    await rig.change({ template: { metadata: { annotations: { 'reloader.stakater.com/last-reloaded-from': '{}' } } } });
    await rig.rollOut({ upTo: 2, at: changed + 3_000 });
    expect(told(await rig.pass())).toMatch(/2 of 3 pods are of its newest template/);
    await rig.rollOut({ at: changed + 3_000 });
    expect(await rig.pass()).toEqual([]);
    expect(await rig.missing()).toEqual([]);
    expect((await rig.cluster()).patches.map(({ resource }) => resource)).toEqual(['externalsecrets']);
  });

  test('a pod of the very second of the change counts once Reloader would have restarted it', async () => {
    await begin();
    await rig.change({ template: { metadata: { annotations: { other: 'x' } } } });
    await rig.rollOut({ at: changed + 900 });
    rig.state.now = changed + 29_000;
    expect(told(await rig.pass())).toMatch(/not known to be newer/);
    rig.state.now = changed + 30_000;
    expect(await rig.pass()).toEqual([]);
  });

  test('another key that somebody changes later is a later change', async () => {
    await begin();
    await rig.change({ template: { metadata: { annotations: { other: 'y' } } } });
    await rig.rollOut({ at: changed + 3_000 });
    await rig.fake.settings({ clock: changed + 60_000 });
    await rig.fake.control('POST', '/write', {
      namespace: 'team-a',
      name: 'support-bot',
      fields: { api_key: 'by hand' },
    });
    rig.state.now = changed + 300_000;
    expect(told(await rig.pass())).toMatch(/not known to be newer/);
  });
});

describe('the cluster', () => {
  test('allows what the documented Role says, and refuses a namespace or name that it leaves out', async () => {
    await rig.promote();
    for (const change of [{ namespace: 'team-b' }, { secret: 'another' }]) {
      await rig.declare(change);
      expect(told(await rig.pass())).toMatch(/the cluster answered Forbidden to .*: bind the documented Role/);
    }
  });

  test.each([
    ['secrets', /Forbidden to read Secret/],
    ['externalsecrets', /Forbidden to (read|annotate) ExternalSecret/],
    ['deployments', /Forbidden to (read deployment|annotate the pods)/],
    ['pods', /Forbidden to list pods/],
  ])('every rule of the documented Role is needed: without %s', async (resource, says) => {
    const without = documentedRole().filter(({ resources = [] }) => !resources.includes(resource));
    expect(without).toHaveLength(documentedRole().length - 1);
    await rig.fake.control('POST', '/rules', { token: 'less', allowed: without });
    rig.state.cluster = rig.clusterWith('less');
    await rig.promote();
    const passes: string[] = [];
    for (let times = 0; times < 5; times += 1) {
      passes.push(...(await rig.pass()));
      await rig.rollOut();
    }
    expect(told(passes)).toMatch(says);
    expect(await rig.missing()).toHaveLength(1);
  });

  test.each(['externalsecrets', 'deployments'])('patch is needed on %s, and get is no patch', async (resource) => {
    const reading = documentedRole().map((rule) =>
      rule.resources?.includes(resource) === true ? { ...rule, verbs: ['get'] } : rule,
    );
    await rig.fake.control('POST', '/rules', { token: 'reading', allowed: reading });
    rig.state.cluster = rig.clusterWith('reading');
    await rig.promote();
    const passes = [...(await rig.pass()), ...(await rig.pass())];
    expect(told(passes)).toMatch(/Forbidden to annotate/);
  });

  test('one that does not answer is told, withdraws nothing, and stops nobody', async () => {
    await rig.promote();
    await rig.pass();
    await rig.pass();
    await rig.rollOut();
    await rig.pass();
    rig.state.cluster = rig.clusterWith('bound', `https://localhost:${String(await freePort())}`);
    expect(told(await rig.pass())).toMatch(/^web: /);
    expect(await rig.missing()).toEqual([]);
  });

  test('a token that ended is ACCESS_DENIED, in words that hold neither it nor a value', async () => {
    const token = `canary-${randomBytes(12).toString('hex')}`;
    rig.state.cluster = rig.clusterWith(token);
    const { value } = await rig.promote();
    await rig.fake.faults({ secretInErrors: true });
    const said = told(await rig.pass());
    expect(said).toMatch(/Unauthorized to read Secret .*: the token is refused or has ended/);
    expect([said.includes(token), said.includes(value)]).toEqual([false, false]);
  });

  test('a Secret without marks is no proof, whatever its value', async () => {
    await rig.declare({ secret: 'support-bot', externalSecret: undefined } as never);
    await rig.promote();
    const fields = { keybaton_version: '', keybaton_epoch: 'many' };
    await rig.fake.control('POST', '/write', { namespace: 'team-a', name: 'support-bot', fields });
    expect(told(await rig.pass())).toMatch(/lacks keybaton_version or keybaton_epoch/);
  });
});

test('a consumer that proves by itself is restarted all the same, and nothing is recorded for it', async () => {
  await rig.declare({}, { demand: 'possession' });
  await rig.promote();
  await rig.pass();
  expect(await rig.pass()).toEqual([]);
  expect((await rig.cluster()).patches.map(({ resource }) => resource)).toEqual(['externalsecrets', 'deployments']);
  await rig.rollOut();
  expect(await rig.missing()).toHaveLength(1);
});
