import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Entry } from '../../domain/entry.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { parseCredentialId, type VersionId } from '../../domain/identifiers.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { plantKey, standingKeys } from '../../providers/in-memory/world.ts';
import { consumer, openStage, quick, type Play, type PlayOptions, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** What the inventory and people change while a rotation runs (protocol 3, 4, 5, 9 and 10). */
describe('a rotation whose world changes', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  }, 60_000);
  afterAll(() => stage.close());

  async function settled(options: PlayOptions = {}): Promise<{ play: Play; old: VersionId }> {
    const play = await stage.play({ ...options, entry: { consumers: [consumer('bot')], ...options.entry } });
    await play.rotate();
    await play.result();
    for (const one of play.consumers()) await play.beat(one);
    return { play, old: (await play.current()).id };
  }

  async function confirming(options: PlayOptions = {}): Promise<{ play: Play; old: VersionId; fresh: VersionId }> {
    const { play, old } = await settled(options);
    await play.rotate();
    await play.reaches('confirming');
    return { play, old, fresh: (await play.current()).id };
  }

  /** The team's whole file now. */
  const apply = async (play: Play, entries: readonly Entry[]): Promise<void> => {
    const { targets } = await stage.ledger.inventory();
    await stage.ledger.applyInventory({ teams: [play.entry.team], entries, targets, actor: 'test' });
  };
  const waitsFor = async (play: Play): Promise<string> => (await stage.rotations.status(play.id))?.waitsFor ?? '';

  it('of an entry that is deleted kills nothing until everybody has left and a person lets go, and then everything', async () => {
    const { play, old, fresh } = await confirming();
    await apply(play, []);
    await play.wake();
    await until('it waits for the instance to leave', async () =>
      (await waitsFor(play)).includes('still in use by bot/one'),
    );
    await stage.ledger.leave({ credential: play.id, consumer: 'bot', instance: 'one', how: 'deregistered' });
    await play.wake();
    await until('it waits for a person', async () => (await waitsFor(play)).includes('release --retire'));
    expect(play.liveVersions().toSorted()).toEqual([old, fresh].toSorted());
    await stage.ledger.request({
      kind: 'release',
      release: 'retire',
      credential: play.id,
      who: 'test',
      why: 'the application is gone',
    });
    await play.wake();
    await play.result();
    expect(play.liveVersions()).toEqual([]);
    expect((await play.facts()).status).toBe('released');
  });

  it('issues nothing for an entry that was deleted', async () => {
    const { play, old } = await settled();
    await apply(play, []);
    await play.rotateQuietly();
    await until('it waits', async () => (await waitsFor(play)) !== '');
    expect((await play.facts()).versions.map((one) => one.id)).toEqual([old]);
    expect(play.liveVersions()).toEqual([old]);
  });

  it('waits while an entry kept apart from it rotates, and then goes on', async () => {
    const mate = await confirming();
    const play = await stage.play({ entry: { apartFrom: [mate.play.id] } });
    await play.rotate();
    await until('it waits', async () => (await waitsFor(play)).includes('kept apart'));
    expect(play.liveVersions()).toEqual([]);
    await mate.play.prove('bot');
    await mate.play.result();
    await play.wake();
    expect((await play.result()).outcome).toBe('rotated');
  });

  it('goes on under its new name, with every version it had', async () => {
    const { play, old } = await settled();
    const id = parseCredentialId(`${play.id}-renamed`);
    await apply(play, [{ ...play.entry, id, movedFrom: play.id }]);
    await stage.rotations.start({ credential: id, reason: 'test', actor: 'test', rehearse: false, pace: quick });
    await stage.client.workflow.getHandle(`rotation/${id}`).result();
    await stage.ledger.request({ kind: 'rotate', credential: id, who: 'test', why: 'test' });
    await stage.rotations.start({ credential: id, reason: 'test', actor: 'test', rehearse: false, pace: quick });
    await until('the next version is current', async () => (await stage.ledger.facts(id)).epochs.length === 2);
    const { versions } = await stage.ledger.facts(id);
    expect(versions.map((one) => one.id)).toContain(old);
    const fresh = versions.at(-1)?.id;
    expect(play.liveVersions().toSorted()).toEqual([old, fresh].toSorted());
  });

  it('gives a version an expiry of at least twice the interval', async () => {
    const { play } = await settled({ powers: { expiry: true } });
    const [key] = standingKeys(play.provider, Date.now());
    expect((key?.expiresAt ?? 0) - (key?.createdAt ?? 0)).toBeGreaterThanOrEqual(2 * play.entry.schedule.every);
  });

  it('pages when a hold nears an end that the provider sets and cannot move', async () => {
    const provider = stage.ports.provider.bind(stage.ports);
    const cannotMove = async (name: string) => ({ ...(await provider(name)), extend: undefined });
    Object.assign(stage.ports, { provider: cannotMove });
    try {
      const schedule = { every: 86_400_000, jitter: 0, windows: [] };
      const { play } = await confirming({ powers: { expiry: true }, entry: { schedule } });
      await until('people are paged', async () =>
        (await stage.ledger.openAlarms(play.id)).some(
          (alarm) => alarm.page && alarm.text.includes('the provider ends it'),
        ),
      );
      expect(play.liveVersions()).toHaveLength(2);
    } finally {
      Object.assign(stage.ports, { provider });
    }
  });

  it('of a slot goes to the other one, and never over a version that is not dead', async () => {
    const { play, old, fresh } = await confirming({ powers: { keys: 'dual-slot', makes: 'generate' } });
    await stage.ledger.request({ kind: 'rotate', credential: play.id, who: 'test', why: 'at once' });
    await play.asksAgain();
    expect(play.liveVersions().toSorted()).toEqual([old, fresh].toSorted());
    await play.prove('bot');
    await until('a third version is current', async () => ![old, fresh].includes((await play.current()).id));
    expect((await play.facts()).versions.find((one) => one.id === old)?.fate).toBe('dead');
    await play.prove('bot');
    await play.result();
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
  });

  it('fails when both slots work without our mark, and changes nothing', async () => {
    const play = await stage.play({ powers: { keys: 'dual-slot', makes: 'generate' } });
    plantKey(play.provider, { id: 'a', value: 'theirs-a', at: Date.now() });
    plantKey(play.provider, { id: 'b', value: 'theirs-b', at: Date.now() });
    await play.rotate();
    const result = await play.result();
    expect(result.outcome).toBe('failed');
    expect(result.why).toContain('without a mark of ours');
    expect(standingKeys(play.provider, Date.now())).toHaveLength(2);
    expect((await play.facts()).versions).toEqual([]);
  });

  it('discards a version that does not work, and the old one stays current and alive', async () => {
    const { play, old } = await settled();
    const first = play.hold('verify');
    await play.rotate();
    await first.arrived;
    const second = play.hold('verify');
    first.letGo();
    await second.arrived;
    play.provider.change((state) => {
      for (const key of state.keys) if (key.tag?.endsWith(old) === false) key.worksAt = Number.MAX_SAFE_INTEGER;
    });
    second.letGo();
    expect((await play.result()).outcome).toBe('discarded');
    expect((await play.current()).id).toBe(old);
    expect(play.liveVersions()).toEqual([old]);
    expect((await play.facts()).versions.at(-1)).toMatchObject({ fate: 'dead', everCurrent: false });
    expect(play.shown()).toBe(old);
  });

  it('replaces a current version that the provider refuses, without anybody asking', async () => {
    const { play, old } = await settled();
    play.provider.change((state) => state.keys.forEach((key) => (key.worksAt = Number.MAX_SAFE_INTEGER)));
    await play.rotateQuietly();
    await until('another version is current', async () => (await play.current()).id !== old);
    const fresh = (await play.current()).id;
    await until('consumers read it', () => play.shown() === fresh);
  });

  it('puts its version back where a backend was set back to the one before', async () => {
    const { play, old } = await settled();
    const shelf = play.backends['shelf'];
    const before = { ...shelf?.main(play.path) };
    await play.rotate();
    await play.reaches('confirming');
    const fresh = (await play.current()).id;
    shelf?.writeByHand(play.path, before);
    expect(play.shown()).toBe(old);
    const held = play.hold('revoke');
    await play.prove('bot');
    await held.arrived;
    expect(play.shown()).toBe(fresh);
    held.letGo();
    await play.result();
    expect(play.liveVersions()).toEqual([fresh]);
  });

  it('shows consumers a living version at every instant, through rotations and a roll-back', async () => {
    const { play, old } = await settled();
    const broken: string[] = [];
    let watching = true;
    const watched = (async () => {
      for (; watching; await new Promise(setImmediate)) {
        const shown = play.shown() ?? 'nothing';
        if (!play.liveVersions().includes(shown)) broken.push(shown);
      }
    })();
    await play.rotate();
    await play.reaches('confirming');
    await stage.ledger.request({ kind: 'rollBack', credential: play.id, version: old, who: 'test', why: 'a grant' });
    await play.wake();
    await until('the old version is current again', async () => (await play.current()).id === old);
    await play.prove('bot');
    expect((await play.result()).outcome).toBe('rolled-back');
    await play.rotate();
    await play.reaches('confirming');
    await play.prove('bot');
    expect((await play.result()).outcome).toBe('rotated');
    watching = false;
    await watched;
    expect(broken).toEqual([]);
    expect(play.shown()).not.toBe(old);
  });

  it('neither makes, promotes nor kills anything while the ledger does not answer, and goes on when it does', async () => {
    const waiting = await confirming();
    const starting = await settled();
    const { ledger } = stage.ports;
    let refused = 0;
    const silent = new Proxy(ledger, {
      get: () => () => {
        refused += 1;
        return Promise.reject(new KeybatonError('UNAVAILABLE', 'the ledger does not answer'));
      },
    });
    const write = (to: Ledger): unknown => Object.assign(stage.ports, { ledger: to });
    write(silent);
    await waiting.play.prove('bot');
    await starting.play.rotate();
    await until('both have asked in vain, more than once', () => refused > 8);
    const shown = [waiting.play.shown(), starting.play.shown()];
    const live = [waiting.play.liveVersions().length, starting.play.liveVersions()];
    write(ledger);
    expect(shown).toEqual([waiting.fresh, starting.old]);
    expect(live).toEqual([2, [starting.old]]);
    expect((await waiting.play.result()).outcome).toBe('rotated');
    await starting.play.reaches('confirming');
  });

  it('spares the old version when the new one dies at the provider while it waits: the old one is current again', async () => {
    const { play, old, fresh } = await confirming();
    play.provider.change((state) => {
      for (const key of state.keys) if (key.tag?.endsWith(fresh)) key.worksAt = Number.MAX_SAFE_INTEGER;
    });
    await play.prove('bot');
    await until('the old version is current again', async () => (await play.current()).id !== fresh);
    const { epochs } = await play.facts();
    expect(epochs[0]).toMatchObject({ version: old, why: 'survivor' });
    expect(play.liveVersions()).toContain(old);
  });

  it('does not kill for a leak that the ledger has not heard of', async () => {
    const { play, old } = await confirming();
    await stage.rotations.escalate(play.id, { incident: 'forged', compromised: [old] });
    await until('it asks to kill', async () => (await waitsFor(play)).includes('is not authorised'));
    expect(play.liveVersions()).toContain(old);
    await play.prove('bot');
    await play.wake();
    expect((await play.result()).outcome).toBe('rotated');
    expect(play.liveVersions()).not.toContain(old);
  });

  it('leaves projections that equal a rebuild from events', async () => {
    const before = await stage.ledger.dump();
    await stage.ledger.rebuild();
    expect(await stage.ledger.dump()).toEqual(before);
  });
});
