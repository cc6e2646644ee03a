import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { workloadFindings } from '../../activities/plan-workloads.ts';
import { credential } from '../control/http-api/world.ts';
import { openRig, type Rig } from './cluster-rig.ts';

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
  await rig.declare();
  await rig.furnish({ refresh: { refreshInterval: '30s' } });
});

const findings = async (ports: Partial<Rig['ports']> = rig.ports) =>
  workloadFindings(
    { now: () => Date.now(), ...ports },
    await rig.world.ledger.facts(credential),
    10_000,
    AbortSignal.timeout(20_000),
  );
const said = async () => (await findings()).map(({ verdict, text }) => `${verdict}: ${text}`).join('\n');

test('a workload that can be asked and told is ok, and nothing was patched', async () => {
  expect(await findings()).toEqual([
    { subject: 'consumer web', verdict: 'ok', text: 'deployment team-a/web in cluster prod-eu can be asked' },
  ]);
  expect((await rig.cluster()).patches).toEqual([]);
});

test('a refresh interval that exceeds the deadline for proof is said, with both', async () => {
  await rig.furnish({ refresh: { refreshInterval: '1h0m0s' } });
  expect(await said()).toMatch(
    /^warning: ExternalSecret team-a\/support-bot is refreshed every 60 min, later than the deadline for proof \(60 s\): .*only as long as keybaton can tell it to sync$/,
  );
  await rig.declare({}, { deadline: 3_600_000 });
  expect(await said()).toMatch(/^ok: /);
});

test.each([
  ['CreatedOnce', { refreshPolicy: 'CreatedOnce' }, 'its policy is CreatedOnce'],
  ['an interval of 0', { refreshInterval: '0s' }, 'its policy is Periodic with an interval of 0'],
])('an ExternalSecret that never takes a new version is a failure: %s', async (_what, refresh, says) => {
  await rig.furnish({ refresh });
  expect(await said()).toBe(`failure: ExternalSecret team-a/support-bot never takes a new version: ${says}`);
});

test.each<[string, () => Promise<unknown>, string]>([
  [
    'an ExternalSecret of another Secret',
    () => rig.furnish({ refresh: { refreshInterval: '30s', target: { name: 'other' } } }),
    'failure: ExternalSecret team-a/support-bot keeps Secret other, and the inventory names support-bot',
  ],
  [
    'a workload that does not use the Secret',
    () => rig.furnish({ refresh: { refreshInterval: '30s' }, spec: { containers: [] } }),
    'failure: deployment team-a/web does not use Secret team-a/support-bot',
  ],
  ['a paused roll-out', () => rig.change({ paused: true }), 'warning: deployment team-a/web: its roll-out is paused'],
  [
    'no such ExternalSecret',
    () => rig.fake.control('POST', '/forget'),
    'the cluster answered NotFound to read ExternalSecret team-a/support-bot',
  ],
  [
    'no right',
    async () => {
      rig.state.cluster = rig.clusterWith('unbound');
      await rig.fake.control('POST', '/rules', { token: 'unbound', allowed: [] });
    },
    'bind the documented Role',
  ],
])('%s is said', async (_what, happens, says) => {
  await happens();
  expect(await said()).toContain(says);
});

test('a Secret that does not say which version it holds is a failure once one was promoted', async () => {
  await rig.world.rotate();
  await rig.fake.control('POST', '/write', { namespace: 'team-a', name: 'support-bot', fields: { api_key: 'x' } });
  // The fake keeps Secrets over a reset: marks of another test would hide what is missing.
  await rig.fake.control('POST', '/write', {
    namespace: 'team-a',
    name: 'support-bot',
    fields: { keybaton_epoch: 'none' },
  });
  expect(await said()).toContain('failure: Secret team-a/support-bot lacks keybaton_version or keybaton_epoch');
});

test('a process that reaches no cluster cannot tell', async () => {
  expect(
    await workloadFindings(
      { now: () => 0 },
      await rig.world.ledger.facts(credential),
      1_000,
      AbortSignal.timeout(5_000),
    ),
  ).toMatchObject([{ verdict: 'cannot tell' }]);
});
