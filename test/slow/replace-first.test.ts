import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VersionId } from '../../domain/identifiers.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { consumer, openStage, type Play, type PlayOptions, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** A leaked version that may live on until its consumers have moved, and never longer than its bound. */
describe('replace-first', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  const hour = 3_600_000;
  const long = { policy: 'replace-first', bound: hour } as const;
  const short = { policy: 'replace-first', bound: 3_000 } as const;

  /** One version is current and used; it is about to leak. */
  async function settled(options: PlayOptions = {}): Promise<{ play: Play; old: VersionId }> {
    const play = await stage.play({
      ...options,
      entry: { consumers: [consumer('bot')], emergency: long, ...options.entry },
    });
    await play.rotate();
    await play.result();
    await play.beat('bot');
    return { play, old: (await play.current()).id };
  }
  const waitsFor = async (play: Play): Promise<string> => (await stage.rotations.status(play.id))?.waitsFor ?? '';
  const fateOf = async (play: Play, version: VersionId) =>
    (await play.facts()).versions.find((one) => one.id === version)?.fate;
  const alarms = async (play: Play): Promise<readonly string[]> =>
    (await stage.ledger.openAlarms(play.id)).map((alarm) => alarm.key);

  it('waits for the proof of every consumer, and for nothing else of GATE, and then kills', async () => {
    const { play, old } = await settled({ entry: { silence: { for: hour }, soak: hour, mode: 'ask' } });
    await play.leak([old]);
    await until(
      'its replacement is shown',
      async () => play.shown() === (await play.current()).id && play.shown() !== old,
    );
    await play.reaches('confirming');
    await until('people see when it dies', async () =>
      /^killed in \d+ s whatever is missing: bot\/one: not proved/.test(await waitsFor(play)),
    );
    await play.asksAgain();
    expect(play.liveVersions()).toContain(old);
    await play.prove('bot');
    expect((await play.result()).outcome).toBe('rotated');
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
    expect(await fateOf(play, old)).toBe('dead');
  });

  it('kills at the bound although a consumer has not moved', async () => {
    const { play, old } = await settled({ entry: { emergency: short } });
    await play.leak([old]);
    expect((await play.result()).outcome).toBe('rotated');
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
    expect(await fateOf(play, old)).toBe('dead');
  });

  it.each([
    ['a backend hangs while its replacement is promoted', 'promote'],
    ['the provider hangs while its replacement is issued', 'issue'],
    ['the provider hangs while its replacement is verified', 'verify'],
  ] as const)('kills at the bound while %s', async (_what, operation) => {
    const { play, old } = await settled({ entry: { emergency: short } });
    // Planning asks whether the leaked version lives only where it is not said to be compromised: the next call is the effect's.
    const held = play.hold(operation);
    await play.leak([old]);
    await held.arrived;
    await until('it is dead at the provider', () => !play.liveVersions().includes(old));
    expect((await play.facts()).epochs[0]?.version === old || operation === 'promote').toBe(true);
    held.letGo();
    expect((await play.result()).outcome).toBe('rotated');
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
  });

  it('kills at the bound although no replacement can be made, and people are told', async () => {
    const { play, old } = await settled({ entry: { emergency: short } });
    scriptTrouble(play.provider, 'preflight', { kind: 'fail', code: 'INVALID_CONFIG' }, 1_000);
    await play.leak([old]);
    await until('people are told', async () => (await alarms(play)).includes('replacement/missing'));
    expect(play.liveVersions()).toEqual([old]);
    await until('it is dead', async () => (await fateOf(play, old)) === 'dead');
    expect(play.liveVersions()).toEqual([]);
    play.provider.change((state) => void (state.troubles = []));
    await play.wake();
    await play.result();
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
    expect(await alarms(play)).toEqual([]);
  });

  it('kills at the bound although every backend is down', async () => {
    const { play, old } = await settled({ entry: { emergency: short } });
    play.backends['shelf']?.script('fail', { times: 1_000_000 });
    await play.leak([old]);
    await until('it is dead at the provider', () => !play.liveVersions().includes(old));
    expect((await play.facts()).epochs[0]?.version).toBe(old);
  });

  it('makes room at its bound where the target is full', async () => {
    const { play, old } = await settled({ entry: { emergency: short }, settings: { maxLive: 1 } });
    await play.leak([old]);
    await play.reaches('confirming');
    expect(play.liveVersions()).toEqual([old]);
    await until('it is replaced', async () => (await play.current()).id !== old);
    await play.result();
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
  });

  it('issues another replacement when the first is refused, and goes on waiting', async () => {
    const { play, old } = await settled();
    const held = play.hold('verify');
    await play.leak([old]);
    await held.arrived;
    const refused = (await play.facts()).versions.at(-1)?.id;
    play.provider.change((state) => {
      state.keys = state.keys.filter((key) => refused === undefined || !key.tag?.endsWith(refused));
    });
    held.letGo();
    await until('another is current', async () => ![old, refused].includes((await play.current()).id));
    expect(play.liveVersions()).toContain(old);
    await play.prove('bot');
    await play.result();
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
  });

  it('finds it dead when the incident has killed it meanwhile', async () => {
    const { play, old } = await settled();
    await play.leak([old]);
    await play.reaches('confirming');
    play.provider.change((state) => (state.keys = state.keys.filter((key) => !key.tag?.endsWith(old))));
    await stage.ledger.dead({ version: old, grade: 'refused' });
    await play.wake();
    expect((await play.result()).outcome).toBe('rotated');
    expect(await fateOf(play, old)).toBe('dead');
  });

  it('kills a version that was never current at once: nobody uses it', async () => {
    const { play, old } = await settled();
    const held = play.hold('issue');
    await play.rotate();
    await held.arrived;
    const fresh = (await play.facts()).versions.at(-1)?.id ?? old;
    await play.leak([fresh]);
    held.letGo();
    await until('it is dead', async () => (await fateOf(play, fresh)) === 'dead');
    expect(play.liveVersions()).toContain(old);
  });
});
