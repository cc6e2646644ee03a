import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { KeybatonError } from '../../domain/errors.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { activityPorts } from '../../worker/activity-ports.ts';
import type { ChecksInput } from '../../worker/checks.ts';
import { installationKey } from '../../worker/installation-key.ts';
import { openRig, type Rig, type RigOptions } from '../activities/rig.ts';
import { bad, checksOf, everything, of, rotate } from './checks-rig.ts';

let rig: Rig;
afterEach(() => rig.close());

async function open(options: RigOptions = {}): Promise<void> {
  rig = await openRig(options);
}

const checks = (changes: Partial<ChecksInput> = {}) => checksOf(rig, changes);

describe('doctor', () => {
  test('finds nothing wrong where nothing is', async () => {
    await open();
    const findings = await checks({ temporalClock: async () => Date.now() }).doctor();
    expect(bad(findings)).toMatchObject([{ subject: 'target target', verdict: 'cannot tell' }]);
    expect(findings.map(({ subject }) => subject)).toEqual(
      expect.arrayContaining([
        'temporal',
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
