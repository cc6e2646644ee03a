import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VersionId } from '../../domain/identifiers.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { openEmergencyStage, type EmergencyStage } from '../support/emergency-world.ts';
import { consumer, type Play, type PlayOptions } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** Protocol 7: an incident, from its declaration to its end, whatever is down and whatever the rotation is doing. */
describe('an emergency', () => {
  let stage: EmergencyStage;
  beforeAll(async () => {
    stage = await openEmergencyStage();
  }, 60_000);
  afterAll(() => stage.close());

  async function settled(options: PlayOptions = {}): Promise<{ play: Play; old: VersionId }> {
    const play = await stage.play(options);
    await play.rotate();
    await play.result();
    for (const name of play.consumers()) await play.beat(name);
    return { play, old: (await play.current()).id };
  }

  const isDead = async (play: Play, version: VersionId): Promise<boolean> =>
    (await play.facts()).versions.some((one) => one.id === version && one.fate === 'dead');

  const provedDead = async (incident: string): Promise<boolean> => {
    const progress = await stage.progress(incident);
    return progress !== undefined && progress.keys > 0 && progress.dead === progress.keys;
  };

  it('kills one key, has it replaced, looks up who used it, reports and closes itself', async () => {
    const { play, old } = await settled();
    const { incident } = await stage.declare(await stage.freeze(play));
    const end = await stage.closed(incident);
    expect(end).toMatchObject({ keys: 1, contained: 1, dead: 1, replaced: 1, confirmed: 1, open: [], closed: true });
    expect(Object.keys(end.reached).toSorted()).toEqual(
      ['confirmed', 'contained', 'dead', 'declared', 'replaced', 'reported', 'scoped'].toSorted(),
    );
    const fresh = (await play.current()).id;
    expect(fresh).not.toBe(old);
    expect(play.liveVersions()).toEqual([fresh]);
    expect(await isDead(play, old)).toBe(true);
    expect(stage.scoped).toContain(incident);
    expect(stage.reports.find((one) => one.incident === incident)?.dead).toBe(1);
    const facts = await stage.ledger.incident(incident);
    expect(facts.closedAt).toBeDefined();
    expect(facts.events.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['moment.contained', 'moment.dead']));
    const kinds = stage.told.filter((one) => one.incident === incident).map(({ kind }) => kind);
    expect(kinds[0]).toBe('incident.declared');
    expect(kinds.at(-1)).toBe('incident.closed');
  });

  for (const how of ['throws', 'hangs'] as const)
    it(`kills and proves dead while the ledger ${how}, and goes on with the rest when it is back`, async () => {
      const { play, old } = await settled();
      const frozen = await stage.freeze(play);
      stage.down.ledger = how;
      try {
        const { incident } = await stage.declare(frozen);
        await until('the key is proved dead', () => provedDead(incident));
        expect(play.liveVersions()).toEqual([]);
        stage.down.ledger = 'no';
        const end = await stage.closed(incident);
        expect(end).toMatchObject({ dead: 1, replaced: 1 });
        expect(await isDead(play, old)).toBe(true);
        expect((await stage.ledger.incident(incident)).closedAt).toBeDefined();
      } finally {
        stage.down.ledger = 'no';
      }
    }, 90_000);

  it('waits for nobody who is told: a channel that is down holds nothing up', async () => {
    const { play } = await settled();
    stage.down.channel = true;
    try {
      const { incident } = await stage.declare(await stage.freeze(play));
      await until('the key is dead and replaced', async () => {
        const progress = await stage.progress(incident);
        return progress?.dead === 1 && progress.replaced === 1;
      });
      stage.down.channel = false;
      await stage.closed(incident);
      expect(stage.told.filter((one) => one.incident === incident).at(-1)?.kind).toBe('incident.closed');
    } finally {
      stage.down.channel = false;
    }
  });

  it('while held past its deadline, the leaked version is killed at once', async () => {
    const { play, old } = await settled({ entry: { consumers: [consumer('bot', { deadline: 100 })] } });
    await play.rotate();
    await play.reaches('held');
    const { incident } = await stage.declare(await stage.freeze(play, {}, [old]));
    await until('the key is proved dead', () => provedDead(incident));
    expect(play.liveVersions()).not.toContain(old);
    await play.prove('bot');
    await stage.closed(incident);
  });

  it('while paused, the leaked version is killed at once', async () => {
    const { play, old } = await settled({ entry: { consumers: [consumer('bot')] } });
    await play.rotate();
    await play.reaches('confirming');
    await stage.ledger.request({ kind: 'pause', credential: play.id, who: 'test', why: 'test' });
    await play.wake();
    await play.reaches('held');
    const { incident } = await stage.declare(await stage.freeze(play, {}, [old]));
    await until('the key is proved dead', () => provedDead(incident));
    await play.prove('bot');
    await stage.closed(incident);
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
  });

  it('while it soaks suspended, the leaked version is killed at once', async () => {
    const { play, old } = await settled({ entry: { soak: 600_000, consumers: [consumer('bot')] } });
    await play.rotate();
    await play.reaches('confirming');
    await play.prove('bot');
    await play.reaches('soaking');
    const { incident } = await stage.declare(await stage.freeze(play, {}, [old]));
    const end = await stage.closed(incident);
    expect(end).toMatchObject({ dead: 1, replaced: 1, confirmed: 1 });
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
  });

  it('in the middle of issuing, the leaked version is killed at once; what is being issued is not touched', async () => {
    const { play, old } = await settled();
    const held = play.hold('issue');
    await play.rotate();
    await held.arrived;
    const { incident } = await stage.declare(await stage.freeze(play, {}, [old]));
    await until('the key is proved dead', () => provedDead(incident));
    expect(play.liveVersions()).toEqual([]);
    held.letGo();
    const end = await stage.closed(incident);
    expect(end).toMatchObject({ keys: 1, dead: 1, replaced: 1 });
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
    expect((await play.current()).id).not.toBe(old);
  });

  it('the same declaration again is no second incident, and the same part again starts nothing', async () => {
    const { play } = await settled();
    const frozen = await stage.freeze(play);
    const declaration = await stage.declare(frozen);
    await stage.declare(frozen, declaration);
    await stage.closed(declaration.incident);
    // Nobody would take the keys any more: whoever declares is told, and kills them by himself.
    await expect(stage.declare(frozen, declaration)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await stage.progress(declaration.incident)).toBeUndefined();
    const { versions } = await play.facts();
    expect(versions).toHaveLength(2);
  });

  it('two incidents over one credential are a union: each closes for itself, and neither touches the replacement', async () => {
    const { play, old } = await settled({ entry: { consumers: [consumer('bot')] } });
    await play.rotate();
    await play.reaches('confirming');
    const both = [old, (await play.current()).id];
    const one = await stage.declare(await stage.freeze(play, {}, [old]));
    const other = await stage.declare(await stage.freeze(play, {}, both));
    await until('another version is current', async () => !both.includes((await play.current()).id));
    await stage.incidents.close(one.incident, 'test');
    await stage.closed(one.incident);
    expect((await stage.ledger.incident(other.incident)).closedAt).toBeUndefined();
    await until('all that leaked is dead', () => provedDead(other.incident));
    await play.prove('bot');
    await stage.closed(other.incident);
    const fresh = (await play.current()).id;
    expect(both).not.toContain(fresh);
    expect(play.liveVersions()).toEqual([fresh]);
  });

  it('401 to everyone is not dead', async () => {
    const { play } = await settled();
    const frozen = await stage.freeze(play);
    scriptTrouble(play.provider, 'any', { kind: 'fail', code: 'ACCESS_DENIED' }, 100_000);
    const { incident } = await stage.declare(frozen);
    await until('a person is told to be needed', () =>
      stage.told.some((one) => one.incident === incident && one.kind === 'incident.failed'),
    );
    expect((await stage.progress(incident))?.dead).toBe(0);
    await stage.incidents.close(incident, 'test');
    const end = await stage.closed(incident);
    expect(end).toMatchObject({ dead: 0, closed: true });
  });
});
