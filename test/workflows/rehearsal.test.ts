import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VersionId } from '../../domain/identifiers.ts';
import { plantKey } from '../../providers/in-memory/world.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { consumer, openStage, quick, type Play, type Stage } from '../support/rotation-world.ts';

/** A rehearsal discards what it made, unless something leaked meanwhile: then it is a rotation in earnest (protocol 3, 7). */
describe('a rehearsal', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  it('during which the current version leaked replaces it in earnest', async () => {
    const play = await stage.play({ entry: { consumers: [consumer('bot')] } });
    await play.rotate();
    await play.result();
    await play.beat('bot');
    const old = (await play.current()).id;
    const held = play.hold('issue');
    await play.rotate({ rehearse: true });
    await held.arrived;
    await play.leak([old]);
    held.letGo();
    expect((await play.result()).outcome).toBe('rotated');
    const now = (await play.current()).id;
    expect(now).not.toBe(old);
    expect(play.liveVersions()).toEqual([now]);
    expect(play.shown()).toBe(now);
  });

  it('during which somebody asks for a roll-back leaves the version it names alone', async () => {
    const play = await stage.play({ entry: { consumers: [consumer('bot')] } });
    await play.rotate();
    await play.result();
    await play.beat('bot');
    const old = (await play.current()).id;
    await play.rotate();
    await play.reaches('confirming');
    const fresh = (await play.current()).id;
    await stage.client.workflow.getHandle(`rotation/${play.id}`).terminate('test');
    await stage.ledger.request({ kind: 'rollBack', credential: play.id, version: old, who: 'test', why: 'test' });
    await play.rotate({ rehearse: true });
    expect((await play.result()).outcome).toBe('discarded');
    expect(play.liveVersions().toSorted()).toEqual([old, fresh].toSorted());
    expect(play.shown()).toBe(fresh);
  });

  it.each(['a rehearsal', 'a rotation whose version is refused'])(
    '%s that is continued as new while it discards goes on discarding, and issues no other version',
    async (what) => {
      const { play, old } = await settled();
      const rehearse = what === 'a rehearsal';
      // Before a rotation the plan asks whether the current version lives; then the new one is verified.
      const planning = play.hold('verify');
      await play.rotate({ rehearse, pace: { ...quick, renewAfter: 1 } });
      await planning.arrived;
      const first = (await handleOf(play).describe()).runId;
      const verify = rehearse ? undefined : play.hold('verify');
      planning.letGo();
      await verify?.arrived;
      if (!rehearse)
        play.provider.change((state) => {
          for (const key of state.keys) if (key.tag?.endsWith(old) === false) key.worksAt = Number.MAX_SAFE_INTEGER;
        });
      scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 4);
      verify?.letGo();
      expect((await play.result()).outcome).toBe('discarded');
      expect((await handleOf(play).describe()).runId).not.toBe(first);
      const { versions } = await play.facts();
      expect(versions.map((one) => one.fate)).toEqual(['current', 'dead']);
      expect([play.liveVersions(), play.shown()]).toEqual([[old], old]);
    },
  );

  it('that finds a late twin of what it discards kills it too, and issues no other version', async () => {
    const { play, old } = await settled();
    const destroy = play.hold('destroy');
    await play.rotate({ rehearse: true });
    await destroy.arrived;
    // Seen by the next look: the worker that erases is lost before it can say so.
    const rehearsed = (await play.facts()).versions.at(-1)?.id ?? old;
    const tag = play.provider.change((state) => state.keys.find((key) => key.tag?.endsWith(rehearsed))?.tag);
    if (tag === undefined) throw new Error('its key has no tag');
    plantKey(play.provider, { id: 'twin', value: 'a-late-twin', tag, at: Date.now() });
    play.backends['shelf']?.script('sealed', { operation: 'destroy', times: 1 });
    destroy.letGo();
    expect((await play.result()).outcome).toBe('discarded');
    expect((await play.facts()).versions.map((one) => one.fate)).toEqual(['current', 'dead']);
    expect(play.liveVersions()).toEqual([old]);
  });

  async function settled(): Promise<{ play: Play; old: VersionId }> {
    const play = await stage.play({ entry: { consumers: [consumer('bot')] } });
    await play.rotate();
    await play.result();
    await play.beat('bot');
    return { play, old: (await play.current()).id };
  }

  const handleOf = (play: Play) => stage.client.workflow.getHandle(`rotation/${play.id}`);
});
