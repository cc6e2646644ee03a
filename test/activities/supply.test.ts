import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { destroyVersion } from '../../activities/destroy-version.ts';
import { issueAndStage } from '../../activities/issue-and-stage.ts';
import { planRotation } from '../../activities/plan-rotation.ts';
import { revokeUntilDead } from '../../activities/revoke-until-dead.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { standingKeys } from '../../providers/in-memory/world.ts';
import type { Powers } from '../../providers/in-memory/settings.ts';
import { openSupplies } from '../../worker/supplies.ts';
import { openRig, signal, type Rig, type RigOptions } from './rig.ts';

const powers: Partial<Powers> = { keys: 'operator-supplied' };
let rig: Rig;

beforeEach(async () => {
  rig = await openRig({ powers });
});
afterEach(() => rig.close());

async function reopened(options: RigOptions): Promise<void> {
  await rig.close();
  rig = await openRig({ powers, ...options });
}

const supply = (material: SecretMaterial) => openSupplies(rig.ports).supply(rig.id, material, 'os:test');
const issue = async (version: Awaited<ReturnType<typeof supply>>['version']) =>
  issueAndStage(rig.ports, rig.effect(version), signal());
const plan = () =>
  planRotation(
    rig.ports,
    { credential: rig.id, run: 'run', reason: 'test', actor: 'test', rehearse: false, compromised: [] },
    signal(),
  );

/** The complaint as people and logs could ever see it: code, message, and everything an inspector shows. */
async function complaint(doing: Promise<unknown>): Promise<{ code: string; text: string }> {
  try {
    await doing;
  } catch (thrown) {
    const { code, message } = thrown as { code: string; message: string };
    return { code, text: `${message} ${inspect(thrown, { depth: 10, showHidden: true })}` };
  }
  throw new Error('nothing was refused');
}

const live = (): readonly string[] => standingKeys(rig.provider, Date.now()).map((key) => key.id);
const staged = (): readonly string[] => [...rig.shelf.shelf(rig.path).staged.keys()];

describe('a value is supplied', () => {
  test('it is staged under a version planned for it, and the worker adopts exactly that', async () => {
    const { version } = await supply(rig.plant('key-1'));
    expect(staged()).toEqual([version]);
    expect(await issue(version)).toEqual({ kind: 'done', result: null });
    const adopted = await rig.only('pending');
    expect(adopted).toMatchObject({ id: version, issued: true, refs: [{ ref: { id: 'key-1' }, gone: false }] });
  });

  test('a version that waits for its value already is the one that gets it', async () => {
    const planned = await plan();
    const wanted = planned.kind === 'done' && planned.result.kind === 'work' ? planned.result.plan.wanted : undefined;
    expect(await issue(wanted ?? ('' as never))).toMatchObject({ kind: 'wait', step: 'issuing' });
    expect(await supply(rig.plant('key-1'))).toEqual({ version: wanted });
  });

  test('the next run wants the version, also when nothing else was due', async () => {
    const first = await supply(rig.plant('key-1'));
    await issue(first.version);
    await rig.ledger.startRun({ credential: rig.id, run: 'run', reason: 'test', actor: 'test' });
    await rig.ledger.decide({ credential: rig.id, version: first.version, expectedEpoch: 0, why: 'due', run: 'run' });
    const second = await supply(rig.plant('key-2'));
    const planned = await plan();
    expect(planned).toMatchObject({ kind: 'done', result: { plan: { wanted: second.version, why: 'requested' } } });
  });

  test('the same value again changes nothing, and another one is a conflict', async () => {
    const material = rig.plant('key-1');
    const { version } = await supply(material);
    expect(await supply(material)).toEqual({ version });
    expect(await complaint(supply(rig.plant('key-2')))).toMatchObject({ code: 'CONFLICT' });
    expect(staged()).toEqual([version]);
  });

  test('a value that was adopted is never taken twice', async () => {
    const material = rig.plant('key-1');
    await issue((await supply(material)).version);
    expect(await complaint(supply(material))).toMatchObject({ code: 'CONFLICT' });
  });

  test('what does not look like a value is refused before anything is planned or staged', async () => {
    await reopened({
      adapter: (adapter) => ({
        ...adapter,
        material: { fields: ['api_key'], value: 'api_key', pattern: /^kbcanary[0-9a-f]{32}$/ },
      }),
    });
    const wrong = [
      new SecretMaterial({ api_key: 'kbcanary-but-not-one' }, 'api_key'),
      new SecretMaterial({ password: `kbcanary${'0'.repeat(32)}` }, 'password'),
    ];
    for (const material of wrong) {
      const { code, text } = await complaint(supply(material));
      expect(code).toBe('VERIFICATION_FAILED');
      expect(text).not.toContain(material.revealValue());
    }
    expect(staged()).toEqual([]);
    expect((await rig.facts()).versions).toEqual([]);
  });

  test('a value that the provider says is not of this target is refused before anything is planned or staged', async () => {
    const examine = () => Promise.reject(new KeybatonError('VERIFICATION_FAILED', 'of another organization'));
    await reopened({ adapter: (adapter) => ({ ...adapter, examine }) });
    expect(await complaint(supply(rig.plant('key-1')))).toMatchObject({ code: 'VERIFICATION_FAILED' });
    expect(staged()).toEqual([]);
    expect((await rig.facts()).versions).toEqual([]);
  });

  test('a provider that cannot be asked now is asked again by whoever pastes; nothing is stored meanwhile', async () => {
    const examine = () => Promise.reject(new KeybatonError('UNAVAILABLE', 'no answer'));
    await reopened({ adapter: (adapter) => ({ ...adapter, examine }) });
    expect(await complaint(supply(rig.plant('key-1')))).toMatchObject({ code: 'UNAVAILABLE' });
    expect(staged()).toEqual([]);
  });

  test('where the admin credential lies with the workers alone they ask, after the value is staged', async () => {
    const examine = () => Promise.reject(new KeybatonError('NOT_FOUND', 'env:ADMIN is not set'));
    await reopened({ adapter: (adapter) => ({ ...adapter, examine }) });
    const { version } = await supply(rig.plant('key-1'));
    expect(staged()).toEqual([version]);
  });

  test('the provider is asked beside which keys it is a new one, and for which version', async () => {
    const asked: unknown[] = [];
    const examine = (_target: unknown, { version, known }: { version: unknown; known: unknown }) =>
      Promise.resolve(void asked.push({ version, known }));
    await reopened({ adapter: (adapter) => ({ ...adapter, examine }) });
    const { version } = await supply(rig.plant('key-1'));
    await issue(version);
    await rig.ledger.startRun({ credential: rig.id, run: 'run', reason: 'test', actor: 'test' });
    await rig.ledger.decide({ credential: rig.id, version, expectedEpoch: 0, why: 'due', run: 'run' });
    await supply(rig.plant('key-2'));
    expect(asked).toEqual([
      { version: undefined, known: [] },
      { version: undefined, known: [{ id: 'key-1' }] },
    ]);
  });

  test('a pasted line break is refused where the vendor documents no shape', async () => {
    const broken = new SecretMaterial({ api_key: 'two\nlines' }, 'api_key');
    expect(await complaint(supply(broken))).toMatchObject({ code: 'VERIFICATION_FAILED' });
  });

  test('while the version before is not dead the value is refused, since the run would throw it away', async () => {
    for (const id of ['key-1', 'key-2']) {
      const { version } = await supply(rig.plant(id));
      await issue(version);
      await rig.ledger.startRun({ credential: rig.id, run: id, reason: 'test', actor: 'test' });
      const expectedEpoch = (await rig.facts()).epochs.length;
      await rig.ledger.decide({ credential: rig.id, version, expectedEpoch, why: 'due', run: id });
    }
    const { code, text } = await complaint(supply(rig.plant('key-3')));
    expect(code).toBe('CONFLICT');
    expect(text).toContain('is not dead yet');
  });

  test('a provider that makes its own versions takes none from people', async () => {
    await reopened({ powers: {} });
    expect(await complaint(supply(rig.plant('key-1')))).toMatchObject({ code: 'UNSUPPORTED' });
  });

  test('a store from which nothing can be read takes none: nobody could ever adopt it', async () => {
    await reopened({ readable: false });
    expect(await complaint(supply(rig.plant('key-1')))).toMatchObject({ code: 'UNSUPPORTED' });
    expect(staged()).toEqual([]);
  });

  test('paused means paused', async () => {
    await rig.ledger.request({ kind: 'pause', credential: rig.id, who: 'test', why: 'holiday' });
    expect(await complaint(supply(rig.plant('key-1')))).toMatchObject({ code: 'CONFLICT' });
  });

  test.each(['throw-secret', 'throw-secret-text', 'denied', 'sealed', 'full'] as const)(
    'a store that answers with %s shows no value to anybody, and the same paste goes on',
    async (trouble) => {
      const material = rig.plant('key-1');
      rig.shelf.script(trouble, { operation: 'stage' });
      expect((await complaint(supply(material))).text).not.toContain(material.revealValue());
      const { version } = await supply(material);
      expect(staged()).toEqual([version]);
    },
  );

  test.each(['message', 'cause', 'non-error', 'parse-error'] as const)(
    'a provider that leaks by %s while a version is planned shows nothing to anybody',
    async (how) => {
      scriptTrouble(rig.provider, 'preflight', { kind: 'leak', how });
      expect((await complaint(supply(rig.plant('key-1')))).text).not.toMatch(/Bearer admin|"admin"/);
      // What was only asked for its sake is not asked any more.
      expect((await rig.facts()).requests).toEqual([]);
    },
  );
});

describe('a supplied value that fails', () => {
  async function failing(material: SecretMaterial) {
    const { version } = await supply(material);
    expect(await issue(version)).toMatchObject({ kind: 'startOver' });
    return version;
  }

  test('is erased and refused, people are told, and another may be supplied', async () => {
    const stranger = new SecretMaterial({ api_key: 'kbcanarynobodys' }, 'api_key');
    const version = await failing(stranger);
    expect(staged()).toEqual([]);
    expect(await rig.only('doomed')).toMatchObject({ id: version, refused: true, refs: [] });
    const [alarm] = await rig.ledger.openAlarms(rig.id);
    expect(alarm?.text).toContain('nothing was revoked');
    const next = await supply(rig.plant('key-1'));
    expect(next.version).not.toBe(version);
    expect(await issue(next.version)).toMatchObject({ kind: 'done' });
    expect(await rig.ledger.openAlarms(rig.id)).toEqual([]);
  });

  test('is never revoked: it may be the live key of another application', async () => {
    const material = rig.plant('theirs');
    rig.provider.change((state) => ((state.keys[0] as { tag?: string }).tag = 'another:mark'));
    const version = await failing(material);
    expect(await revokeUntilDead(rig.ports, rig.effect(version), signal())).toMatchObject({ kind: 'done' });
    expect(await destroyVersion(rig.ports, rig.effect(version), signal())).toMatchObject({ kind: 'done' });
    expect(live()).toEqual(['theirs']);
    expect((await rig.only('dead')).id).toBe(version);
  });

  test('a new key that has not spread yet is waited for', async () => {
    await reopened({ settings: { createSpread: 60_000 } });
    const material = rig.plant('key-1');
    rig.provider.change((state) => state.keys.forEach((key) => (key.worksAt = Date.now() + 60_000)));
    const { version } = await supply(material);
    expect(await issue(version)).toMatchObject({ kind: 'wait' });
    expect(staged()).toEqual([version]);
  });

  test('a value that two keys share is refused', async () => {
    const material = rig.plant('one');
    rig.plant('other', material.revealValue());
    await failing(material);
    expect(live()).toEqual(['one', 'other']);
  });
});

describe('a supplied value that was not adopted', () => {
  test('dies without the provider hearing of it, when its version is compromised', async () => {
    const { version } = await supply(rig.plant('key-1'));
    await rig.ledger.declareIncident({ incident: 'leak', versions: [version], who: 'test', why: 'test' });
    expect(await revokeUntilDead(rig.ports, rig.effect(version), signal())).toMatchObject({ kind: 'done' });
    await destroyVersion(rig.ports, rig.effect(version), signal());
    expect(live()).toEqual(['key-1']);
    expect(staged()).toEqual([]);
  });

  test('dies alone too when its adoption was asked for and never reached the provider', async () => {
    const { version } = await supply(rig.plant('key-1'));
    scriptTrouble(rig.provider, 'adopt', { kind: 'fail', code: 'AMBIGUOUS' });
    await expect(issue(version)).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    await rig.ledger.declareIncident({ incident: 'leak', versions: [version], who: 'test', why: 'test' });
    const settled = (await rig.facts()).versions[0]?.intents.find((one) => one.effect === 'issue')?.until ?? 0;
    const late = {
      ...rig.ports,
      ledger: { ...rig.ledger, facts: async () => ({ ...(await rig.facts()), now: settled + 1 }) },
    };
    expect(await revokeUntilDead(late, rig.effect(version), signal())).toMatchObject({ kind: 'done' });
    expect(live()).toEqual(['key-1']);
  });

  test('is adopted by the next attempt when the answer to the first was lost', async () => {
    const { version } = await supply(rig.plant('key-1'));
    scriptTrouble(rig.provider, 'adopt', { kind: 'lose-answer' });
    await expect(issue(version)).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    expect(await issue(version)).toMatchObject({ kind: 'done' });
    expect((await rig.only('pending')).refs).toHaveLength(1);
  });

  test('once tagged it is ours, and a leak revokes it even if the answer was lost', async () => {
    const { version } = await supply(rig.plant('key-1'));
    scriptTrouble(rig.provider, 'adopt', { kind: 'lose-answer' });
    await expect(issue(version)).rejects.toMatchObject({ code: 'AMBIGUOUS' });
    await rig.ledger.declareIncident({ incident: 'leak', versions: [version], who: 'test', why: 'test' });
    await revokeUntilDead(rig.ports, rig.effect(version), signal());
    expect(live()).toEqual([]);
  });
});
