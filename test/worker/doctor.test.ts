import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { packageVersion } from '../../control/cli/version.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { queues } from '../../domain/queues.ts';
import { asTargets } from '../../inventory/targets.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { digestOf } from '../../providers/in-memory/world.ts';
import { activityPorts } from '../../worker/activity-ports.ts';
import type { ChecksInput } from '../../worker/checks.ts';
import { installationKey } from '../../worker/installation-key.ts';
import { openRig, type Rig, type RigOptions } from '../activities/rig.ts';
import { bad, checksOf, everyQueue, everything, of, rotate } from './checks-rig.ts';

let rig: Rig;
afterEach(() => rig.close());

async function open(options: RigOptions = {}): Promise<void> {
  rig = await openRig(options);
}

const checks = (changes: Partial<ChecksInput> = {}) => checksOf(rig, changes);

/** The rig's target, with a second admin credential. */
async function twoAdmins(): Promise<void> {
  const { targets, entries } = await rig.ledger.inventory();
  const applied = asTargets(targets);
  const target = { ...applied.targets['target'], secondAdmin: 'env:SECOND' };
  await rig.ledger.applyInventory({
    ...{ teams: ['team'], entries, actor: 'test' },
    targets: { ...applied, targets: { target } },
  });
}

describe('doctor', () => {
  test('finds nothing wrong where nothing is', async () => {
    await open();
    const findings = await checks({ temporalClock: async () => Date.now() }).doctor();
    expect(bad(findings)).toMatchObject([
      { subject: 'target target', verdict: 'cannot tell' },
      { subject: 'drill of tier standard', verdict: 'warning' },
    ]);
    expect(findings.map(({ subject }) => subject)).toEqual(
      expect.arrayContaining([
        'temporal',
        'workers',
        'ledger',
        'clock of the ledger',
        'clock of temporal',
        'installation key',
        'backend shelf',
        'target target',
        'kill sheet',
      ]),
    );
    expect(rig.shelf.calls).toContain('probe');
  });

  test('leaves every secret, key and stored value as it was', async () => {
    await open();
    await rotate(rig, 'one');
    const before = await everything(rig);
    await checks().doctor();
    expect(await everything(rig)).toBe(before);
  });

  test('tells all failures, none hiding another', async () => {
    await open({ environment: {} });
    rig.shelf.script('denied', { operation: 'probe' });
    await rm(rig.killSheet);
    const findings = await checks({
      rotations: { ping: () => Promise.reject(new KeybatonError('UNAVAILABLE', 'Temporal at there does not answer')) },
      temporalClock: async () => Date.now() + 60_000,
    }).doctor();
    const failed = bad(findings);
    for (const subject of ['temporal', 'clock of temporal', 'backend shelf', 'target target', 'kill sheet'])
      expect(of(failed, subject), subject).toMatchObject([{ verdict: 'failure' }]);
    expect(of(failed, 'target target')[0]?.text).toContain('env:ADMIN');
    expect(failed.every(({ remedy }) => (remedy ?? '') !== '')).toBe(true);
    expect(of(findings, 'ledger')).toMatchObject([{ verdict: 'ok' }]);
  });

  test('a wrong admin credential is found', async () => {
    await open();
    scriptTrouble(rig.provider, 'preflight', { kind: 'fail', code: 'ACCESS_DENIED' });
    expect(of(await checks().doctor(), 'target target')).toMatchObject([
      { verdict: 'failure', remedy: expect.stringContaining('admin reference') },
    ]);
  });

  test('an admin credential that may do too much is told, where the adapter can say', async () => {
    await open({ adapter: (adapter) => ({ ...adapter, excess: async () => ['it is a superuser'] }) });
    const [, excess] = of(await checks().doctor(), 'target target');
    expect(excess).toMatchObject({ verdict: 'warning', text: expect.stringContaining('it is a superuser') });
  });

  test('not being told what it may do hides nothing else of the target', async () => {
    const silent = () => Promise.reject(new KeybatonError('UNAVAILABLE', 'no answer'));
    await open({ adapter: (adapter) => ({ ...adapter, excess: silent }) });
    const found = of(await checks().doctor(), 'target target');
    expect(found.map(({ verdict }) => verdict)).toEqual(['ok', 'failure']);
  });

  test('what an adapter cannot be told of its admin credential is said, and is no failure', async () => {
    const rest = () => Promise.reject(new KeybatonError('UNSUPPORTED', 'its roles cannot be read with it'));
    await open({ adapter: (adapter) => ({ ...adapter, excess: rest }) });
    const found = of(await checks().doctor(), 'target target');
    expect(found.map(({ verdict }) => verdict)).toEqual(['ok', 'cannot tell']);
    expect(found[1]?.text).toContain('its roles cannot be read with it');
  });

  test.each([
    ['is refused', 'second', { ADMIN: 'admin', SECOND: 'second' }, 'only its secondAdmin works: with its admin, '],
    ['is not there', 'second', { SECOND: 'second' }, 'only its secondAdmin works: with its admin, '],
    ['alone works', 'admin', { ADMIN: 'admin', SECOND: 'second' }, 'only its admin works: with its secondAdmin, '],
  ])(
    'a target whose first admin credential %s is told, though every call is answered',
    async (_what, taken, environment, text) => {
      await open({ environment });
      await twoAdmins();
      rig.provider.change((state) => (state.admin = digestOf(taken)));
      const [works, alone, ...more] = of(await checks().doctor(), 'target target');
      expect(works).toMatchObject({ verdict: 'ok' });
      expect(alone).toMatchObject({ verdict: 'warning', text: expect.stringContaining(text) });
      expect(alone?.remedy ?? '').not.toBe('');
      expect(more).toMatchObject([{ verdict: 'cannot tell' }]);
    },
  );

  test('two admin credentials that both work are no finding', async () => {
    await open({ environment: { ADMIN: 'admin', SECOND: 'second' } });
    await twoAdmins();
    expect(of(await checks().doctor(), 'target target').map(({ verdict }) => verdict)).toEqual(['ok', 'cannot tell']);
  });

  test('queues that no worker polls are found', async () => {
    await open();
    const pollers = async () =>
      everyQueue(`keybaton/${packageVersion()}/abc@host:1`).filter(({ queue }) => queue === queues.watching);
    expect(of(await checks({ pollers }).doctor(), 'workers')).toMatchObject([
      {
        verdict: 'failure',
        text: expect.stringContaining(`no worker polls ${queues.rotations}, ${queues.emergency}`),
        remedy: expect.stringContaining('keybaton worker'),
      },
      { verdict: 'ok', text: expect.stringContaining(`1 worker of ${packageVersion()}/abc`) },
    ]);
  });

  test('a queue whose workflows no worker takes is found, though its activities are served', async () => {
    await open();
    const pollers = async () =>
      everyQueue(`keybaton/${packageVersion()}/abc@host:1`).filter(
        ({ queue, work }) => queue !== queues.emergency || work === 'activities',
      );
    expect(of(await checks({ pollers }).doctor(), 'workers')[0]).toMatchObject({
      verdict: 'failure',
      text: expect.stringContaining(`no worker polls ${queues.emergency} (workflows):`),
    });
  });

  test.each([
    ['two builds', ['keybaton/0.1.0/abc@host:1', 'keybaton/0.1.0/def@host:2'], '2 builds poll: 0.1.0/abc (keybaton'],
    [
      'one that does not say its build',
      ['keybaton/0.1.0/abc@host:1', '7@host'],
      'a build that does not say which (7@host)',
    ],
    [
      'another version than this command',
      ['keybaton/0.0.1/abc@host:1'],
      '1 worker of 0.0.1/abc (keybaton/0.0.1/abc@host:1), and',
    ],
  ])('workers of %s are told, with what to do', async (_what, identities, text) => {
    await open();
    const pollers = async () => identities.flatMap(everyQueue);
    const [found] = of(await checks({ pollers }).doctor(), 'workers');
    expect(found).toMatchObject({ verdict: 'warning', text: expect.stringContaining(text) });
    expect(found?.remedy ?? '').not.toBe('');
  });

  test('a full target is no broken admin credential', async () => {
    await open({ settings: { maxLive: 1 } });
    await rotate(rig, 'one');
    expect(of(await checks().doctor(), 'target target')[0]).toMatchObject({ verdict: 'warning' });
  });

  test('another installation key than the one the ledger was written with is found', async () => {
    await open();
    await rotate(rig, 'one');
    const other = activityPorts({
      ledger: rig.ledger,
      key: installationKey(new Uint8Array(32).fill(7)),
      adapters: rig.adapters,
      environment: { ADMIN: 'admin' },
      workflows: rig.ports.workflows,
    });
    expect(of(await checks({ ports: other }).doctor(), 'installation key')).toMatchObject([{ verdict: 'failure' }]);
  });

  test('a kill sheet that is old, open to others, or another installation’s is found', async () => {
    await open();
    const sheet = JSON.parse(await readFile(rig.killSheet, 'utf8')) as Record<string, unknown>;
    const verdict = async (changes: object): Promise<string | undefined> => {
      await writeFile(rig.killSheet, JSON.stringify({ ...sheet, ...changes }), { mode: 0o600 });
      return of(await checks().doctor(), 'kill sheet')[0]?.text;
    };
    expect(await verdict({ installation: 'elsewhere' })).toContain('another installation');
    expect(await verdict({ n: 1_000_000 })).toContain('newer than the ledger');
    expect(await verdict({ format: 2 })).toContain('no kill sheet of this build');
    await chmod(rig.killSheet, 0o644);
    expect(await verdict({})).toContain('others on this machine can read it');
    await chmod(rig.killSheet, 0o600);
    const late = { ...rig.ports, ledger: { ...rig.ledger, clock: async () => Date.now() + 3_600_000 } };
    await writeFile(rig.killSheet, JSON.stringify({ ...sheet, n: 0 }));
    expect(of(await checks({ ports: late }).doctor(), 'kill sheet')[0]?.text).toContain('lacks what happened');
  });

  test('a ledger that does not answer does not keep the others from being checked', async () => {
    await open();
    const never = () => new Promise<never>(() => {});
    const ledger = { ...rig.ledger, clock: never, inventory: never, list: never, verifyChain: never, history: never };
    const findings = await checks({ ports: { ...rig.ports, ledger }, limit: 100 }).doctor();
    expect(of(findings, 'ledger')).toMatchObject([{ verdict: 'failure', text: 'no answer within 100 ms' }]);
    expect(of(findings, 'temporal')).toMatchObject([{ verdict: 'ok' }]);
  });
});

describe('no secret is in any finding', () => {
  const canary = 'kbcanaryadmin0123456789';

  test.each(['message', 'cause', 'non-error', 'parse-error'] as const)(
    'of a provider that leaks by %s',
    async (how) => {
      await open({ environment: { ADMIN: canary } });
      await rotate(rig, 'one');
      for (const operation of ['preflight', 'list', 'verify'] as const) {
        scriptTrouble(rig.provider, operation, { kind: 'leak', how });
        const found = JSON.stringify([await checks().plan(rig.id), await checks().doctor()]);
        expect(found).not.toContain(canary);
        expect(found).not.toContain('Bearer');
        expect(found).not.toContain(rig.shelf.main(rig.path)?.['api_key']);
      }
    },
  );

  test.each(['throw-secret', 'throw-secret-text'] as const)('of a backend that leaks by %s', async (trouble) => {
    await open();
    await rotate(rig, 'one');
    rig.shelf.script(trouble, { times: 6 });
    const found = JSON.stringify([await checks().plan(rig.id), await checks().doctor()]);
    expect(found).not.toContain(rig.shelf.main(rig.path)?.['api_key']);
    expect(found).toContain('what it said is not shown');
  });
});
