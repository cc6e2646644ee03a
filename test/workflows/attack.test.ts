import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VersionId } from '../../domain/identifiers.ts';
import { importVersion } from '../../activities/import-version.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { plantKey } from '../../providers/in-memory/world.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { parseVersionId, settleDebtWorkflowId } from '../../domain/identifiers.ts';
import { consumer, openStage, quick, type Play, type PlayOptions, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** Counterexamples that the rules once had: each ended in a key that lived on, a wait nobody knew of, or an early kill. */
describe('a rotation that is attacked', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  const rotated = async (play: Play): Promise<VersionId> => {
    await play.rotate();
    await play.result();
    return (await play.current()).id;
  };
  async function confirming(
    options: PlayOptions = {},
    pace = quick,
  ): Promise<{ play: Play; old: VersionId; fresh: VersionId }> {
    const play = await stage.play({ ...options, entry: { consumers: [consumer('bot')], ...options.entry } });
    await play.rotate();
    await play.result();
    const old = (await play.current()).id;
    for (const one of play.consumers()) await play.beat(one);
    await play.rotate({ pace });
    await play.reaches('confirming');
    return { play, old, fresh: (await play.current()).id };
  }
  const died = async (play: Play, version: VersionId): Promise<boolean> =>
    (await play.facts()).versions.find((one) => one.id === version)?.fate === 'dead';
  const alarms = async (play: Play): Promise<readonly string[]> =>
    (await stage.ledger.openAlarms(play.id)).map((alarm) => alarm.key);
  const endTrouble = (play: Play): void => play.provider.change((state) => void (state.troubles = []));

  it('kills what leaked although nothing new can be made: three creates went unanswered', async () => {
    const play = await stage.play();
    const old = await rotated(play);
    scriptTrouble(play.provider, 'issue', { kind: 'lose-answer' }, 3);
    await play.rotate();
    await play.reaches('held');
    await play.leak([old]);
    await until('it is dead', () => died(play, old));
    expect(play.liveVersions()).not.toContain(old);
    await until('people know that no other can be made', async () => (await alarms(play)).includes('spent'));
  });

  it('kills what leaked although nothing new can be made: preflight is refused for good', async () => {
    const play = await stage.play();
    const old = await rotated(play);
    scriptTrouble(play.provider, 'preflight', { kind: 'fail', code: 'INVALID_CONFIG' }, 1_000);
    await play.leak([old]);
    await until('it is dead', () => died(play, old));
    await until('people are told', async () => (await alarms(play)).includes('effect/preflight'));
    endTrouble(play);
    await play.wake();
    await play.result();
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
  });

  it('goes on proving the death of what leaked although the backend refuses every new version', async () => {
    const play = await stage.play({ settings: { revokeSpread: 600 } });
    const old = await rotated(play);
    play.backends['shelf']?.script('denied', { operation: 'probe', times: 1_000_000 });
    await play.leak([old]);
    await until('it is dead', () => died(play, old));
  });

  it('tries again to kill what leaked while its successor cannot be made yet', async () => {
    const play = await stage.play();
    const old = await rotated(play);
    play.backends['shelf']?.script('sealed', { operation: 'probe', times: 1_000_000 });
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 4);
    await play.leak([old]);
    await until('it is killed', async () => !play.liveVersions().includes(old));
  });

  it('ends a rehearsal only when a create whose answer was lost is dead as well', async () => {
    const play = await stage.play();
    const old = await rotated(play);
    scriptTrouble(play.provider, 'issue', { kind: 'lose-answer' });
    await play.rotate({ rehearse: true });
    expect((await play.result()).outcome).toBe('discarded');
    expect(play.liveVersions()).toEqual([old]);
    expect((await play.facts()).versions.map((one) => one.fate)).toEqual(['current', 'dead', 'dead']);
  });

  it('ends after a refused version only when a create whose answer was lost is dead as well', async () => {
    const play = await stage.play({ settings: { callTimeout: 400 } });
    const old = await rotated(play);
    scriptTrouble(play.provider, 'issue', { kind: 'lose-answer' });
    // Only the second version comes to be staged.
    const held = play.hold('stage');
    await play.rotate();
    await held.arrived;
    play.provider.change((state) => Object.assign(state.keys.at(-1) ?? {}, { worksAt: Number.MAX_SAFE_INTEGER }));
    held.letGo();
    expect((await play.result()).outcome).toBe('discarded');
    expect(play.liveVersions()).toEqual([old]);
    expect((await play.facts()).versions.map((one) => one.fate)).toEqual(['current', 'dead', 'dead']);
  });

  it('ends although somebody erased the staged copy of the old version: no copy is left to ask with', async () => {
    const { play, old } = await confirming();
    play.backends['shelf']?.shelf(play.path).staged.delete(old);
    await play.prove('bot');
    expect((await play.result()).outcome).toBe('rotated');
    expect((await play.facts()).versions.find((one) => one.id === old)).toMatchObject({
      fate: 'dead',
      dead: { grade: 'absent' },
    });
  });

  it('moves a debt also when the revocation itself keeps failing', async () => {
    const { play, old } = await confirming({}, { ...quick, debtAfter: 400 });
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 1_000);
    await play.prove('bot');
    expect((await play.result()).outcome).toBe('indebted');
    // What is authorised stays so under a later epoch, whose consumers have proved nothing yet.
    await play.rotate();
    await play.reaches('confirming');
    endTrouble(play);
    await until('the debt is settled', () => died(play, old));
    await play.prove('bot');
    await play.result();
  });

  it('settles a debt whose workflow was terminated, at the next rotation', async () => {
    const { play, old } = await confirming({}, { ...quick, debtAfter: 200 });
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 1_000);
    await play.prove('bot');
    await play.result();
    await stage.client.workflow.getHandle(settleDebtWorkflowId(old)).terminate('by hand');
    endTrouble(play);
    await play.rotateQuietly();
    await play.result();
    await until('the debt is settled', () => died(play, old));
  });

  it('does not suspend the old version for an instance that came after release --unproved', async () => {
    const { play, old } = await confirming({ entry: { consumers: [consumer('bot')], soak: 600_000 } });
    await stage.ledger.request({ kind: 'pause', credential: play.id, who: 'test', why: 'a while' });
    await stage.ledger.request({
      kind: 'release',
      release: 'unproved',
      credential: play.id,
      who: 'test',
      why: 'go on',
    });
    await play.beat('bot', 'late');
    const pause = (await play.facts()).requests.find((one) => one.kind === 'pause');
    await stage.ledger.withdrawRequest({ id: pause?.id ?? '', who: 'test', why: 'go on' });
    await play.asksAgain();
    await play.asksAgain();
    expect(play.liveVersions()).toContain(old);
    // While it asks it waits for nothing.
    await until('people are told whom it waits for', async () => {
      const status = await stage.rotations.status(play.id);
      return status?.waitsFor?.includes('bot/late') === true;
    });
  });

  it('honours a pause although a version that once leaked was given up alive', async () => {
    const { play, fresh } = await confirming();
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 1_000_000);
    const old = (await play.facts()).versions[0]?.id ?? fresh;
    await play.leak([old]);
    await stage.ledger.request({
      kind: 'release',
      release: 'alive',
      credential: play.id,
      version: old,
      who: 'test',
      why: 'it cannot be killed',
    });
    await play.wake();
    await play.result();
    endTrouble(play);
    await stage.ledger.request({ kind: 'pause', credential: play.id, who: 'test', why: 'not now' });
    await play.rotate();
    await until('it waits for the pause', async () =>
      ((await stage.rotations.status(play.id))?.waitsFor ?? '').includes('paused by test'),
    );
    expect((await play.current()).id).toBe(fresh);
  });

  it('kills what leaked although an earlier run may still be doing something', async () => {
    const play = await stage.play();
    const old = await rotated(play);
    await stage.ledger.planVersion({
      credential: play.id,
      version: parseVersionId('kb000000000000000000000000000042'),
      target: play.entry.target,
      as: 'pending',
      baseline: { place: '', live: [], at: 0 },
    });
    await stage.ledger.intend({
      version: parseVersionId('kb000000000000000000000000000042'),
      effect: 'issue',
      place: '',
      within: 600_000,
    });
    await play.leak([old]);
    await until('it is dead', () => died(play, old));
    await until('another is current', async () => (await play.current()).id !== old);
  });

  it('erases the copies of what died just as another version leaked', async () => {
    const { play, old, fresh } = await confirming();
    const held = play.hold('revoke');
    await play.prove('bot');
    await held.arrived;
    await play.leak([fresh]);
    held.letGo();
    await until('a third is current', async () => ![old, fresh].includes((await play.current()).id));
    await play.prove('bot');
    await play.result();
    expect([...(play.backends['shelf']?.shelf(play.path).staged.keys() ?? [])]).toEqual([(await play.current()).id]);
  });

  it('asks no silence of a version that only a person can kill: nobody can see its use', async () => {
    const { play, old } = await importedByHand();
    await play.prove('bot');
    await until('people are told', async () => (await alarms(play)).includes(`by-hand/${old}`));
    await stage.ledger.request({
      kind: 'release',
      release: 'alive',
      credential: play.id,
      version: old,
      who: 'test',
      why: 'revoked at the provider by hand',
    });
    await play.wake();
    expect((await play.result()).outcome).toBe('rotated');
  });

  /** A version without a ref is followed by one of ours, and its consumer beats. */
  async function importedByHand(): Promise<{ play: Play; old: VersionId }> {
    const play = await stage.play({ entry: { consumers: [consumer('bot')], silence: { for: 200 } } });
    plantKey(play.provider, { id: 'old', value: 'made-by-somebody-long-ago', at: Date.now() });
    const { version: old } = await importVersion(
      stage.ports,
      {
        credential: play.id,
        material: new SecretMaterial({ api_key: 'made-by-somebody-long-ago' }, 'api_key'),
        refId: undefined,
        cannotRevoke: true,
        actor: 'test',
      },
      AbortSignal.timeout(10_000),
    );
    await play.beat('bot');
    await play.rotate();
    await play.reaches('confirming');
    return { play, old };
  }

  it('cures the alarm of a held epoch when another is decided', async () => {
    const play = await stage.play({ entry: { consumers: [consumer('bot', { deadline: 100 })] } });
    await play.rotate();
    await play.result();
    const old = (await play.current()).id;
    await play.beat('bot');
    await play.rotate();
    await play.reaches('held');
    const keys = async (): Promise<readonly string[]> =>
      (await stage.ledger.openAlarms(play.id)).map((alarm) => alarm.key);
    await until('people are told', async () => (await keys()).includes('held/2'));
    await stage.ledger.request({ kind: 'rollBack', credential: play.id, version: old, who: 'test', why: 'test' });
    await play.wake();
    await until('the alarm of the epoch that was left is cured', async () => !(await keys()).includes('held/2'));
    await play.prove('bot');
    await play.result();
    expect(await keys()).toEqual([]);
  });
});
