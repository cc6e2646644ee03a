import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { KeybatonError } from '../../domain/errors.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { issueAndStage } from '../../activities/issue-and-stage.ts';
import { planRotation } from '../../activities/plan-rotation.ts';
import { promoteAndNotify } from '../../activities/promote-and-notify.ts';
import type { Entry } from '../../domain/entry.ts';
import type { Finding } from '../../control/ports.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { plantKey } from '../../providers/in-memory/world.ts';
import { openChecks, type ChecksInput } from '../../worker/checks.ts';
import { installationKey } from '../../worker/installation-key.ts';
import { activityPorts } from '../../worker/activity-ports.ts';
import { consumer } from '../support/rotation-world.ts';
import { openRig, signal, worldDump, type Rig, type RigOptions } from '../activities/rig.ts';

let rig: Rig;
afterEach(() => rig.close());

async function open(options: RigOptions = {}): Promise<void> {
  rig = await openRig(options);
}

const checks = (changes: Partial<ChecksInput> = {}) =>
  openChecks({
    ports: rig.ports,
    adapters: rig.adapters,
    rotations: { ping: async () => 3 },
    killSheet: rig.killSheet,
    ...changes,
  });

/** One rotation by hand, up to the promotion. */
async function rotate(run: string): Promise<VersionId> {
  if ((await rig.facts()).epochs.length > 0)
    await rig.ledger.request({ kind: 'rotate', credential: rig.id, who: 'test', why: 'test' });
  const planned = await planRotation(
    rig.ports,
    { credential: rig.id, run, reason: 'test', actor: 'test', rehearse: false, compromised: [] },
    signal(),
  );
  if (planned.kind !== 'done' || planned.result.kind !== 'work') throw new Error('nothing was planned');
  const { wanted, why, expectedEpoch } = planned.result.plan;
  if (wanted === undefined) throw new Error('nothing was wanted');
  const input = { ...rig.effect(wanted), run };
  await issueAndStage(rig.ports, input, signal());
  await promoteAndNotify(rig.ports, { ...input, why, expectedEpoch }, signal());
  return wanted;
}

const of = (findings: readonly Finding[], subject: string): readonly Finding[] =>
  findings.filter((finding) => finding.subject === subject);
const bad = (findings: readonly Finding[]): readonly Finding[] => findings.filter(({ verdict }) => verdict !== 'ok');
const everything = async (): Promise<string> =>
  JSON.stringify([worldDump(rig), await rig.ledger.dump(), await rig.ledger.history({ limit: 1_000 })]);

describe('plan', () => {
  test('of a first rotation issues and promotes, and nothing dies', async () => {
    await open();
    const { steps, findings } = await checks().plan(rig.id);
    expect(steps[0]).toMatch(
      /^make a new version: issue it at target target in target, stage it in shelf at ai\/test\/bot/,
    );
    expect(steps).toContain('promote epoch 1 in shelf at ai/test/bot');
    expect(steps.join(' ')).not.toMatch(/revoke|erase/);
    expect(bad(findings)).toEqual([]);
  });

  test('of a later one names who must prove what, for how long it must be silent, and what dies', async () => {
    await open({
      entry: {
        consumers: [consumer('api'), consumer('nightly', { kind: 'job', demand: 'rolled-out' })],
        silence: { for: 3_600_000 },
        soak: 60_000,
        mode: 'ask',
      },
    });
    const version = await rotate('run');
    const { steps } = await checks().plan(rig.id);
    const story = steps.join('\n');
    expect(story).toContain('every instance of api has shown possession');
    expect(story).toContain('every instance of nightly has shown rolled-out at its next run');
    expect(story).toContain('silent for 60 min (timestamp');
    expect(story).toContain('stop until a person runs keybaton release --ask');
    expect(story).toContain('suspend the old version, and wait 60 s');
    expect(story).toContain(`revoke version ${version} (key-1): from here only forward`);
    const order = ['make a new', 'promote epoch 2', 'possession', 'silent for', 'revoke version', 'refuses', 'erase'];
    const places = order.map((word) => steps.findIndex((step) => step.includes(word)));
    expect(places).toEqual([...places].sort((one, other) => one - other));
    expect(places).not.toContain(-1);
  });

  test('has no side effect on provider, backend or ledger', async () => {
    await open({ entry: { consumers: [consumer('api')] } });
    await rotate('one');
    await rotate('two');
    const before = await everything();
    await checks().plan(rig.id);
    expect(await everything()).toBe(before);
  });

  test('never uses a version that is being watched', async () => {
    await open({ entry: { consumers: [consumer('api')], silence: { for: 3_600_000 } } });
    const old = await rotate('one');
    await rotate('two');
    const uses = (): number | undefined =>
      rig.provider.change((state) => state.keys.find((key) => key.tag?.endsWith(old))?.useCount);
    const before = uses();
    await checks().plan(rig.id);
    expect(uses()).toBe(before);
  });

  test('says what would fail now, each with a remedy, and goes on after the first', async () => {
    await open({ settings: { maxLive: 1 } });
    plantKey(rig.provider, { id: 'theirs', value: 'kbcanarytheirs', at: Date.now() });
    await rig.ledger.request({ kind: 'pause', credential: rig.id, who: 'ann', why: 'holiday' });
    rig.shelf.script('sealed', { operation: 'describe', times: 2 });
    const { findings } = await checks().plan(rig.id);
    expect(of(findings, rig.id)).toMatchObject([{ verdict: 'failure', text: 'paused by ann: holiday' }]);
    expect(of(findings, 'backend shelf')).toMatchObject([
      { verdict: 'failure', text: expect.stringContaining('sealed') },
    ]);
    expect(of(findings, 'target target')).toMatchObject([
      { verdict: 'failure', text: expect.stringContaining('no more fit') },
    ]);
    expect(bad(findings).every(({ remedy }) => (remedy ?? '') !== '')).toBe(true);
  });

  test('a value written by hand would hold it, and it says so', async () => {
    await open();
    await rotate('one');
    rig.shelf.writeByHand(rig.path, { api_key: 'kbcanarybyhand' });
    const { findings } = await checks().plan(rig.id);
    expect(of(findings, 'backend shelf')).toMatchObject([
      { verdict: 'failure', remedy: expect.stringContaining('keybaton import') },
    ]);
    expect(JSON.stringify(findings)).not.toContain('kbcanarybyhand');
  });

  test('a current version that the provider refuses is replaced without waiting', async () => {
    await open();
    await rotate('one');
    rig.provider.change((state) => state.keys.forEach((key) => (key.revokedAt = 1)));
    const { steps, findings } = await checks().plan(rig.id);
    expect(bad(findings)[0]?.text).toContain('the current version is refused');
    expect(steps[0]).toContain('make a new version');
  });

  test('what a person must supply is asked for', async () => {
    await open({ powers: { keys: 'operator-supplied' } });
    expect((await checks().plan(rig.id)).steps[0]).toContain(`keybaton supply ${rig.id}`);
  });

  test('a stray under our mark is named', async () => {
    await open();
    const tag = `${await rig.ledger.installation()}:kb${'0'.repeat(30)}`;
    plantKey(rig.provider, { id: 'stray-1', value: 'kbcanarystray', tag, at: Date.now() });
    expect(bad((await checks().plan(rig.id)).findings)[0]?.text).toContain('stray-1');
  });

  test('an adapter that never answers is given up on', async () => {
    await open();
    scriptTrouble(rig.provider, 'list', { kind: 'hang', when: 'before' });
    const { findings } = await checks({ limit: 100 }).plan(rig.id);
    expect(bad(findings)[0]?.text).toContain('no answer within 100 ms');
  });
});

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
    await rotate('one');
    const before = await everything();
    await checks().doctor();
    expect(await everything()).toBe(before);
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

  test('a full target is no broken admin credential', async () => {
    await open({ settings: { maxLive: 1 } });
    await rotate('one');
    expect(of(await checks().doctor(), 'target target')[0]).toMatchObject({ verdict: 'warning' });
  });

  test('another installation key than the one the ledger was written with is found', async () => {
    await open();
    await rotate('one');
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
      await rotate('one');
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
    await rotate('one');
    rig.shelf.script(trouble, { times: 6 });
    const found = JSON.stringify([await checks().plan(rig.id), await checks().doctor()]);
    expect(found).not.toContain(rig.shelf.main(rig.path)?.['api_key']);
    expect(found).toContain('what it said is not shown');
  });
});

describe('demands', () => {
  const targets = (changes: object = {}, backends: object = {}) => ({
    targets: {
      target: {
        provider: 'in-memory',
        environment: 'test',
        settings: {},
        admin: 'env:ADMIN',
        teams: ['team'],
        paths: ['ai'],
        probes: {},
        ...changes,
      },
    },
    backends: { shelf: { kind: 'in-memory', settings: {}, path: 'ai' }, ...backends },
  });
  const asked = (entry: Partial<Entry>, known: unknown = targets()) =>
    checks().demands([{ ...rig.entry, ...entry }], known);
  const shelf = { backend: 'shelf', path: 'ai/test/bot' };

  test('that can be shown are no finding', async () => {
    await open();
    expect(await asked({ consumers: [consumer('api')], silence: { for: 60_000 } })).toEqual([]);
  });

  test('for possession need a field that carries the value', async () => {
    await open();
    const fields = (template: string) => ({
      consumers: [consumer('api')],
      backends: [{ ...shelf, fields: { URL: template } }],
    });
    expect(await asked(fields('https://{api_key|url}@there'))).toEqual([]);
    expect(await asked(fields('nothing'))).toMatchObject([
      { subject: rig.id, text: expect.stringContaining('possession') },
    ]);
  });

  test('for an endpoint need a probe of the target', async () => {
    await open();
    const consumers = [consumer('api', { demand: 'endpoint-reported', probe: 'health' })];
    expect(await asked({ consumers })).toMatchObject([{ verdict: 'failure' }]);
    expect(await asked({ consumers }, targets({ probes: { health: 'https://there/' } }))).toEqual([]);
  });

  test('for less silence than the signal lags are refused', async () => {
    await open();
    const lagging = targets({ settings: { usageLag: 120_000 } });
    expect(await asked({ silence: { for: 60_000 } }, lagging)).toMatchObject([
      { text: expect.stringContaining('2 min') },
    ]);
    expect(await asked({ silence: { for: 120_000 } }, lagging)).toEqual([]);
  });

  test('that outlive the keys of their target are refused', async () => {
    await open({ powers: { expiry: true } });
    const day = 86_400_000;
    expect(await asked({}, targets({ expiry: 179 * day }))).toMatchObject([{ text: expect.stringContaining('180 d') }]);
    expect(await asked({}, targets({ expiry: 180 * day }))).toEqual([]);
  });

  test('for more keys than fit are refused, those of other teams counted', async () => {
    await open();
    const full = targets({ settings: { maxLive: 2 } });
    expect(await asked({}, full)).toEqual([]);
    expect(await asked({ standby: true }, full)).toMatchObject([{ text: expect.stringContaining('need 3') }]);
    const others = { ...rig.entry, id: 'in-memory/test/other' as Entry['id'], team: 'others' };
    expect(await checks().demands([others], full)).toMatchObject([{ text: expect.stringContaining('need 4') }]);
  });

  test('whose admin credential lies only where the credential lies are refused', async () => {
    await open();
    const locked = targets({ admin: 'vault:shelf/admin' }, { safe: { kind: 'in-memory', settings: {}, path: 'ai' } });
    expect(await asked({}, locked)).toMatchObject([{ text: expect.stringContaining('contain a leak') }]);
    expect(await asked({}, targets({ admin: 'vault:safe/admin' }))).toEqual([]);
  });

  test('of a supplied credential need a store that can be read', async () => {
    await open({ powers: { keys: 'operator-supplied' }, readable: false });
    expect(await asked({})).toMatchObject([{ text: expect.stringContaining('never adopted') }]);
  });

  test('of a target that nobody knows, or that is set wrongly, cannot be told', async () => {
    await open();
    expect(await asked({}, targets({ provider: 'unheard-of' }))).toMatchObject([{ verdict: 'cannot tell' }]);
    expect(await asked({}, targets({ settings: { maxLive: 'kbcanary' } }))).toMatchObject([{ verdict: 'cannot tell' }]);
    expect(JSON.stringify(await asked({}, targets({ settings: { maxLive: 'kbcanary' } })))).not.toContain('kbcanary');
  });
});
