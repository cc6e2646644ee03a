import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VersionId } from '../../domain/identifiers.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { consumer, openStage, type Play, type PlayOptions, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** From the moment at which a kill may have begun it only goes forward, and people know when nobody can tell. */
describe('revoking', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  async function revoking(options: PlayOptions = {}): Promise<{
    readonly play: Play;
    readonly old: VersionId;
    readonly fresh: VersionId;
    readonly letGo: () => void;
  }> {
    const play = await stage.play({ ...options, entry: { consumers: [consumer('bot')], ...options.entry } });
    await play.rotate();
    await play.result();
    const old = (await play.current()).id;
    const held = play.hold('revoke');
    await play.rotate();
    await until('another is current', async () => (await play.current()).id !== old);
    await play.prove('bot');
    await held.arrived;
    return { play, old, fresh: (await play.current()).id, letGo: () => held.letGo() };
  }
  const fateOf = async (play: Play, version: VersionId) =>
    (await play.facts()).versions.find((one) => one.id === version)?.fate;
  const alarms = async (play: Play): Promise<readonly string[]> =>
    (await stage.ledger.openAlarms(play.id)).map((alarm) => alarm.key);
  const withdraw = async (play: Play): Promise<void> =>
    stage.ledger.withdraw({
      credential: play.id,
      epoch: (await play.facts()).epochs[0]?.epoch ?? 0,
      consumer: 'bot',
      instance: 'one',
      what: 'fell-back',
    });

  it('goes on after a revoke whose answer was lost, when the provider lists the key no more', async () => {
    const { play, old, letGo } = await revoking();
    await withdraw(play);
    scriptTrouble(play.provider, 'revoke', { kind: 'lose-answer' }, 1);
    letGo();
    expect((await play.result()).outcome).toBe('rotated');
    expect(await fateOf(play, old)).toBe('dead');
  });

  it('asks GATE again after a revoke that failed: the key is listed still', async () => {
    const { play, old, letGo } = await revoking();
    await withdraw(play);
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'AMBIGUOUS' }, 1);
    letGo();
    await until('the authorisation is taken back', async () => {
      const { versions } = await play.facts();
      return versions.find((one) => one.id === old)?.authorisedEpoch === undefined;
    });
    expect(play.liveVersions()).toContain(old);
    expect((await play.facts()).versions.find((one) => one.id === old)?.killBegun).toBe(false);
    await play.prove('bot');
    await play.result();
    expect(await fateOf(play, old)).toBe('dead');
  });

  it('tells people when the survivor is gone meanwhile, replaces it, and proves the death with its successor', async () => {
    const { play, old, fresh, letGo } = await revoking();
    play.provider.change((state) => void (state.keys = state.keys.filter((key) => !key.tag?.endsWith(fresh))));
    const issue = play.hold('issue');
    letGo();
    await issue.arrived;
    expect(await alarms(play)).toContain(`control/${old}`);
    expect(await fateOf(play, old)).not.toBe('dead');
    issue.letGo();
    await until('the old version is dead', async () => (await fateOf(play, old)) === 'dead');
    expect([old, fresh]).not.toContain((await play.current()).id);
    // Its death is written first, its cure after it.
    await until('people are told no more', async () => !(await alarms(play)).includes(`control/${old}`));
  });

  it('tells people, and replaces nothing, while the provider refuses everyone', async () => {
    const { play, old, fresh, letGo } = await revoking();
    play.provider.change((state) => state.keys.forEach((key) => (key.worksAt = Number.MAX_SAFE_INTEGER)));
    letGo();
    await until('people are told', async () => (await alarms(play)).includes(`control/${old}`));
    await play.asksAgain();
    expect(await fateOf(play, old)).not.toBe('dead');
    expect((await play.facts()).versions).toHaveLength(2);
    play.provider.change((state) => state.keys.forEach((key) => (key.worksAt = 0)));
    await play.wake();
    await play.result();
    expect((await play.current()).id).toBe(fresh);
    expect(await fateOf(play, old)).toBe('dead');
    expect(await alarms(play)).toEqual([]);
  });
});
