import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VersionId } from '../../domain/identifiers.ts';
import { consumer, openStage, type Play, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** Versions that the provider ends by itself, while people or consumers keep a rotation waiting (protocol 9). */
describe('a version that its provider will end', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  /** The new version is current, and the old one waits for the consumer's proof. */
  async function confirming(): Promise<{ play: Play; old: VersionId; fresh: VersionId }> {
    const play = await stage.play({
      powers: { expiry: true },
      entry: { consumers: [consumer('bot')], schedule: { every: 86_400_000, jitter: 0, windows: [] } },
    });
    await play.rotate();
    await play.result();
    await play.beat('bot');
    const old = (await play.current()).id;
    await play.rotate();
    await play.reaches('confirming');
    return { play, old, fresh: (await play.current()).id };
  }

  const freeze = async (play: Play): Promise<string> => {
    const asked = { kind: 'freeze', credential: play.id, who: 'test', why: 'a release' } as const;
    const { id } = await stage.ledger.request(asked);
    return id;
  };
  const endsAt = async (play: Play, id: VersionId): Promise<number> =>
    (await play.facts()).versions.find((one) => one.id === id)?.expiresAt ?? 0;
  const waitsFor = async (play: Play): Promise<string> => (await stage.rotations.status(play.id))?.waitsFor ?? '';
  const endAtProvider = (play: Play, id: VersionId): void =>
    play.provider.change((state) => {
      for (const key of state.keys) if (key.tag?.endsWith(id)) key.expiresAt = 1;
    });

  it('is kept while its rotation is frozen', async () => {
    const { play, old, fresh } = await confirming();
    await freeze(play);
    await play.wake();
    await until('it is frozen', async () => (await waitsFor(play)).startsWith('frozen'));
    const before = Math.max(await endsAt(play, old), await endsAt(play, fresh));
    for (const id of [old, fresh])
      await until('its end has moved', async () => {
        await play.wake();
        return (await endsAt(play, id)) > before;
      });
    expect(play.liveVersions().toSorted()).toEqual([old, fresh].toSorted());
  });

  it('and that is gone, though it is current, gives way to the old one, which still lives', async () => {
    const { play, old, fresh } = await confirming();
    endAtProvider(play, fresh);
    await play.wake();
    await until('the old one is current again', async () => (await play.current()).id === old);
    expect((await play.facts()).epochs[0]?.why).toBe('survivor');
    expect(play.liveVersions()).toContain(old);
  });

  it('and that is gone while people have frozen it: they are told, and it is replaced when they let go', async () => {
    const { play, old, fresh } = await confirming();
    const id = await freeze(play);
    await play.wake();
    await until('it is frozen', async () => (await waitsFor(play)).startsWith('frozen'));
    for (const one of [old, fresh]) endAtProvider(play, one);
    await play.wake();
    await until('people are told', async () =>
      (await stage.ledger.openAlarms(play.id)).some(
        ({ page, text }) => page && text.includes(`${fresh} is still waited`),
      ),
    );
    await stage.ledger.withdrawRequest({ id, who: 'test', why: 'over' });
    await play.wake();
    await until('another is current', async () => ![old, fresh].includes((await play.current()).id));
    await play.prove('bot');
    expect((await play.result()).outcome).toBe('rotated');
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
  });

  it.each([0, 200])(
    'and that is gone before its silence was watched is waited for no longer, with a soak of %i ms',
    async (soak) => {
      const play = await stage.play({ powers: { expiry: true }, entry: { silence: { for: 60_000 }, soak } });
      await play.rotate();
      await play.result();
      const old = (await play.current()).id;
      endAtProvider(play, old);
      await stage.ledger.extended({ version: old, expiresAt: 1 });
      await play.rotate();
      expect((await play.result()).outcome).toBe('rotated');
      expect(play.liveVersions()).toEqual([(await play.current()).id]);
      expect((await play.current()).id).not.toBe(old);
    },
  );

  it('and that was planned long before it can be made lives as long as one that is planned now', async () => {
    const every = 86_400_000;
    const play = await stage.play({
      powers: { expiry: true },
      entry: { schedule: { every, jitter: 0, windows: [] } },
    });
    play.backends['shelf']?.script('fail', { operation: 'probe', times: 3 });
    await play.rotate();
    let planned: VersionId | undefined;
    await until('it is planned', async () => (planned = (await play.facts()).versions[0]?.id) !== undefined);
    if (planned !== undefined) await stage.ledger.extended({ version: planned, expiresAt: Date.now() + 1_000 });
    expect((await play.result()).outcome).toBe('rotated');
    expect((await play.current()).id).toBe(planned);
    const [key] = play.provider.change((state) => state.keys);
    expect(key?.expiresAt).toBeGreaterThan(Date.now() + every);
    expect((await play.current()).expiresAt).toBe(key?.expiresAt);
  });

  it('and that is listed though its end has passed is waited for as before', async () => {
    const play = await stage.play({ powers: { expiry: true }, entry: { silence: { for: 60_000 } } });
    await play.rotate();
    await play.result();
    const old = (await play.current()).id;
    await stage.ledger.extended({ version: old, expiresAt: 1 });
    await play.rotate();
    await until('its silence is waited for', async () => (await waitsFor(play)).includes('the old version'));
    expect(play.liveVersions()).toContain(old);
  });
});
