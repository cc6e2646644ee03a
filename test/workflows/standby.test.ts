import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VersionFacts } from '../../domain/facts.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { consumer, openStage, type Play, type PlayOptions, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** A spare version: issued, stored, verified, never shown, and promoted before anything is issued. */
describe('a standby', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  const policy = { policy: 'standby', bound: 600_000 } as const;

  async function settled(options: PlayOptions = {}): Promise<{ play: Play; old: VersionId; spare: VersionId }> {
    const play = await stage.play({ ...options, entry: { standby: true, emergency: policy, ...options.entry } });
    await play.rotate();
    await play.result();
    return { play, old: (await play.current()).id, spare: (await spareOf(play)).id };
  }
  const spares = async (play: Play): Promise<readonly VersionFacts[]> =>
    (await play.facts()).versions.filter((one) => one.fate === 'standby');
  async function spareOf(play: Play): Promise<VersionFacts> {
    const [spare] = await spares(play);
    if (spare === undefined) throw new Error('no version stands by');
    return spare;
  }
  const fateOf = async (play: Play, version: VersionId) =>
    (await play.facts()).versions.find((one) => one.id === version)?.fate;
  const alarms = async (play: Play): Promise<readonly string[]> =>
    (await stage.ledger.openAlarms(play.id)).map((alarm) => alarm.key);
  const goneAtProvider = (play: Play, version: VersionId): void =>
    play.provider.change((state) => void (state.keys = state.keys.filter((key) => !key.tag?.endsWith(version))));
  async function expectStands(play: Play): Promise<void> {
    const [current, spare] = [(await play.current()).id, (await spareOf(play)).id];
    expect(play.liveVersions().toSorted()).toEqual([current, spare].toSorted());
    expect(play.shown()).toBe(current);
    expect(await play.valueOf(spare)).not.toBe(await play.valueOf(current));
    expect(await alarms(play)).toEqual([]);
  }

  it('is made at the end of a run, stored, verified, and not shown', async () => {
    const { play } = await settled();
    expect(await spares(play)).toMatchObject([{ issued: true, everCurrent: false }]);
    expect(play.usesOf((await spareOf(play)).id)).toBeGreaterThan(0);
    await expectStands(play);
  });

  it('is promoted at the due date, under GATE as any version, and then refilled', async () => {
    const { play, old, spare } = await settled({ entry: { consumers: [consumer('bot')] } });
    await play.beat('bot');
    await play.rotate();
    await play.reaches('confirming');
    expect((await play.current()).id).toBe(spare);
    expect(play.liveVersions().toSorted()).toEqual([old, spare].toSorted());
    await play.prove('bot');
    expect((await play.result()).outcome).toBe('rotated');
    expect(await fateOf(play, old)).toBe('dead');
    await expectStands(play);
  });

  it('is promoted at once when what is current leaked, which dies without waiting for anything to be issued', async () => {
    const { play, old, spare } = await settled({ entry: { consumers: [consumer('bot')] } });
    await play.beat('bot');
    const refill = play.hold('issue');
    await play.leak([old]);
    await until('the leaked version is dead', async () => (await fateOf(play, old)) === 'dead');
    expect(play.shown()).toBe(spare);
    expect(play.liveVersions()).toEqual([spare]);
    await refill.arrived;
    refill.letGo();
    await play.result();
    await expectStands(play);
  });

  it('that is dead is no standby: what leaked dies first, as with revoke-first', async () => {
    const { play, old, spare } = await settled();
    goneAtProvider(play, spare);
    const issue = play.hold('issue');
    await play.leak([old]);
    await issue.arrived;
    expect(play.liveVersions()).toEqual([]);
    issue.letGo();
    await play.result();
    await until('another stands by', async () => (await spares(play)).length === 1);
    expect(await fateOf(play, spare)).toBe('dead');
    await expectStands(play);
  });

  it('that cannot be promoted in its half minute saves nobody: what leaked dies', async () => {
    const { play, old, spare } = await settled();
    const held = play.hold('promote');
    const incident = 'late';
    const declaredAt = Date.now() - 27_000;
    await stage.ledger.declareIncident({ incident, versions: [old], who: 'test', why: 'test', declaredAt });
    await stage.rotations.escalate(play.id, { incident, compromised: [old] });
    await held.arrived;
    await until('it is dead at the provider', () => !play.liveVersions().includes(old));
    expect(play.shown()).toBe(old);
    held.letGo();
    await play.result();
    expect((await play.current()).id).toBe(spare);
  });

  it('that leaked is killed and refilled, and what is current stays', async () => {
    const { play, old, spare } = await settled();
    await play.leak([spare]);
    await play.result();
    expect(await fateOf(play, spare)).toBe('dead');
    expect((await play.current()).id).toBe(old);
    await expectStands(play);
  });

  it('is used harmlessly by a check; one that the provider refuses is doomed and refilled', async () => {
    const { play, old, spare } = await settled();
    const uses = play.usesOf(spare);
    await play.rotateQuietly();
    await play.result();
    expect(play.usesOf(spare)).toBeGreaterThan(uses);
    goneAtProvider(play, spare);
    await play.rotateQuietly();
    expect((await play.result()).outcome).toBe('nothing');
    expect(await fateOf(play, spare)).toBe('dead');
    expect((await play.current()).id).toBe(old);
    await expectStands(play);
  });

  it('of which no copy is left is doomed and refilled: nobody could promote it', async () => {
    const { play, spare } = await settled();
    play.backends['shelf']?.shelf(play.path).staged.delete(spare);
    await play.rotateQuietly();
    await play.result();
    expect(await fateOf(play, spare)).toBe('dead');
    await expectStands(play);
  });

  it('that cannot be made fails no rotation: people are told, and told when it is cured', async () => {
    const { play, old, spare } = await settled();
    scriptTrouble(play.provider, 'issue', { kind: 'fail', code: 'ACCESS_DENIED' }, 1_000);
    await play.rotate();
    expect((await play.result()).outcome).toBe('rotated');
    expect((await play.current()).id).toBe(spare);
    expect(await fateOf(play, old)).toBe('dead');
    expect(await alarms(play)).toEqual(['standby/missing']);
    play.provider.change((state) => void (state.troubles = []));
    await play.rotateQuietly();
    await play.result();
    await expectStands(play);
  });

  it('has no room in a full target: people are told', async () => {
    const play = await stage.play({ entry: { standby: true }, settings: { maxLive: 1 } });
    await play.rotate();
    expect((await play.result()).outcome).toBe('rotated');
    expect(await alarms(play)).toEqual(['standby/missing']);
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
  });

  it('whose create went unanswered is spent: another is made, and the first is not left alive', async () => {
    const { play } = await settled();
    const created = play.provider.change((state) => state.keys.length);
    scriptTrouble(play.provider, 'issue', { kind: 'lose-answer' }, 1);
    await play.rotate();
    await play.result();
    expect(play.provider.change((state) => state.keys.length)).toBeGreaterThan(created + 1);
    await expectStands(play);
  });

  it('an escalation that comes while it is made goes first', async () => {
    const { play, old, spare } = await settled();
    const refill = play.hold('issue');
    await play.rotate();
    await refill.arrived;
    await play.leak([spare]);
    refill.letGo();
    await until('what leaked is dead', async () => (await fateOf(play, spare)) === 'dead');
    await play.result();
    expect(await fateOf(play, old)).toBe('dead');
    await expectStands(play);
  });

  it('that the entry keeps no more dies', async () => {
    const { play, spare } = await settled();
    await play.change({ standby: false, emergency: { policy: 'revoke-first', bound: 600_000 } });
    await play.rotateQuietly();
    await play.result();
    expect(await fateOf(play, spare)).toBe('dead');
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
  });

  it('older than two intervals is discarded, not promoted, and refilled', async () => {
    const { play, old, spare } = await settled();
    await play.change({ schedule: { every: 1, jitter: 0, windows: [] } });
    const held = play.hold('issue');
    await play.rotate();
    await held.arrived;
    await play.change({ schedule: { every: 3_600_000, jitter: 0, windows: [] } });
    held.letGo();
    await play.result();
    const { epochs } = await play.facts();
    expect(epochs[0]?.version).not.toBe(old);
    // While it was short of a version in time it was none; it stands by again now, or died meanwhile.
    expect(epochs.map((one) => one.version)).not.toContain(spare);
    await expectStands(play);
  });

  it('is not made by a rehearsal, nor in mode observe', async () => {
    const { play, spare } = await settled();
    goneAtProvider(play, spare);
    await play.rotate({ rehearse: true });
    await play.result();
    expect(await spares(play)).toMatchObject([{ id: spare }]);
    const watched = await stage.play({ entry: { standby: true, mode: 'observe' } });
    await watched.rotate();
    await watched.result();
    expect(await spares(watched)).toEqual([]);
  });
});
