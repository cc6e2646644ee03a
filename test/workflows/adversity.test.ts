import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VersionId } from '../../domain/identifiers.ts';
import { plantKey, standingKeys } from '../../providers/in-memory/world.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { consumer, openStage, type Play, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** What providers, backends and crashes do to a rotation, judged at the provider and the backend (protocol 3, 4, 8, 9). */
describe('a rotation in an adverse world', () => {
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

  it('takes a new version id when the answer to a minting create was lost, and the twin dies', async () => {
    const play = await stage.play();
    scriptTrouble(play.provider, 'issue', { kind: 'lose-answer' });
    const version = await rotated(play);
    expect(play.liveVersions()).toEqual([version]);
    expect((await play.facts()).versions.map((one) => [one.spent, one.fate])).toEqual([
      [true, 'dead'],
      [false, 'current'],
    ]);
  });

  it('kills a create that appears late, after its retry was promoted', async () => {
    const play = await stage.play({ settings: { lateCreate: 1_500 } });
    scriptTrouble(play.provider, 'issue', { kind: 'late-create', delay: 1_200 });
    const version = await rotated(play);
    expect(play.provider.change((state) => state.keys.length)).toBe(2);
    expect(play.liveVersions()).toEqual([version]);
  });

  it('tells the provider the same value again where we choose it', async () => {
    const play = await stage.play({ powers: { makes: 'generate' } });
    scriptTrouble(play.provider, 'issue', { kind: 'lose-answer' }, 2);
    const version = await rotated(play);
    expect((await play.facts()).versions).toHaveLength(1);
    expect(play.liveVersions()).toEqual([version]);
  });

  it('holds and tells people when three creates of one run went unanswered', async () => {
    const play = await stage.play();
    scriptTrouble(play.provider, 'issue', { kind: 'lose-answer' }, 3);
    await play.rotate();
    await play.reaches('held');
    expect((await stage.ledger.openAlarms(play.id)).map((alarm) => alarm.key)).toContain('spent');
    expect((await play.facts()).versions.filter((one) => one.spent)).toHaveLength(3);
  });

  it('discards a version that the provider refuses, and leaves the old one untouched', async () => {
    const play = await stage.play();
    const old = await rotated(play);
    const held = play.hold('issue');
    await play.rotate();
    await held.arrived;
    held.letGo();
    // What it mints is disabled behind our back, so that it never works.
    await until('the new key exists and is broken', () =>
      play.provider.change((state) => {
        const fresh = state.keys.find((key) => key.tag !== undefined && !key.tag.endsWith(old));
        if (fresh !== undefined) fresh.worksAt = Number.MAX_SAFE_INTEGER;
        return fresh !== undefined;
      }),
    );
    const { outcome } = await play.result();
    // It may have been verified before it was broken: then it was promoted, and is fine or turned back.
    expect(['discarded', 'rotated', 'rolled-back']).toContain(outcome);
    if (outcome === 'discarded') expect(play.liveVersions()).toEqual([old]);
  });

  it('finds out that a promote whose answer was lost has happened', async () => {
    const play = await stage.play();
    const old = await rotated(play);
    play.backends['shelf']?.script('lose-answer', { operation: 'promote' });
    const version = await rotated(play);
    expect(version).not.toBe(old);
    expect(play.shown()).toBe(version);
    expect(play.liveVersions()).toEqual([version]);
  });

  it('waits for a sealed backend before it makes anything', async () => {
    const play = await stage.play();
    const old = await rotated(play);
    play.backends['shelf']?.script('sealed', { times: 6 });
    const version = await rotated(play);
    expect(version).not.toBe(old);
    expect(play.liveVersions()).toEqual([version]);
  });

  it('never overwrites and never adopts a value that somebody pasted into the vault: it holds, pages, and ends after the restore', async () => {
    const play = await stage.play({ entry: { consumers: [consumer('bot')] } });
    const old = await rotated(play);
    await play.beat('bot');
    await play.rotate();
    await play.reaches('confirming');
    const shelf = play.backends['shelf'];
    const before = shelf?.main(play.path) ?? {};
    shelf?.writeByHand(play.path, { api_key: 'pasted-by-hand' });
    await play.prove('bot');
    await play.reaches('held');
    expect(shelf?.main(play.path)?.['api_key']).toBe('pasted-by-hand');
    expect(play.liveVersions()).toContain(old);
    expect((await stage.ledger.openAlarms(play.id)).some((alarm) => alarm.page)).toBe(true);
    shelf?.writeByHand(play.path, before);
    await play.wake();
    expect((await play.result()).outcome).toBe('rotated');
    expect(play.liveVersions()).not.toContain(old);
  });

  it('keeps fields that are not ours, also those changed between stage and promote', async () => {
    const play = await stage.play();
    await rotated(play);
    const shelf = play.backends['shelf'];
    shelf?.writeByHand(play.path, { region: 'eu' });
    const held = play.hold('promote');
    await play.rotate();
    await held.arrived;
    shelf?.writeByHand(play.path, { region: 'us' });
    held.letGo();
    await play.result();
    expect(shelf?.main(play.path)?.['region']).toBe('us');
    expect(play.shown()).toBe((await play.current()).id);
  });

  it('takes something that refuses everyone for no proof of death', async () => {
    const play = await stage.play({ entry: { consumers: [consumer('bot')] } });
    const old = await rotated(play);
    await play.beat('bot');
    await play.rotate();
    await play.reaches('confirming');
    const fresh = (await play.current()).id;
    const revoke = play.hold('revoke');
    await play.prove('bot');
    await revoke.arrived;
    // From here on the provider refuses every value.
    play.provider.change((state) => state.keys.forEach((key) => (key.worksAt = Number.MAX_SAFE_INTEGER)));
    revoke.letGo();
    await play.reaches('revoking');
    await play.asksAgain();
    await play.asksAgain();
    expect((await play.facts()).versions.find((one) => one.id === old)?.fate).toBe('doomed');
    play.provider.change((state) => state.keys.forEach((key) => (key.worksAt = 0)));
    await play.wake();
    await play.result();
    expect(play.liveVersions()).toEqual([fresh]);
  });

  it('counts a key that only answers forbidden as alive', async () => {
    const play = await stage.play({ entry: { consumers: [consumer('bot')] } });
    const old = await rotated(play);
    play.provider.change((state) => state.keys.forEach((key) => (key.forbidden = true)));
    await play.rotate();
    await play.reaches('confirming');
    expect((await play.facts()).versions.find((one) => one.id === old)?.fate).toBe('doomed');
    expect((await play.facts()).epochs).toHaveLength(2);
  });

  it('never proves a version dead with another value in its place', async () => {
    const play = await stage.play({ entry: { consumers: [consumer('bot')] } });
    const old = await rotated(play);
    await play.beat('bot');
    await play.rotate();
    await play.reaches('confirming');
    play.swapStaged(old);
    await play.prove('bot');
    await until('people are told', async () => (await stage.ledger.openAlarms(play.id)).length > 0);
    expect((await play.facts()).versions.find((one) => one.id === old)?.dead).toBeUndefined();
  });

  it('refuses to start when the admin credential is refused, and has changed nothing', async () => {
    const play = await stage.play();
    const old = await rotated(play);
    scriptTrouble(play.provider, 'any', { kind: 'fail', code: 'ACCESS_DENIED' }, 50);
    await play.rotate();
    expect((await play.result()).outcome).toBe('failed');
    play.provider.change((state) => (state.troubles = []));
    expect(play.liveVersions()).toEqual([old]);
    expect((await play.facts()).versions).toHaveLength(1);
  });

  it('fails with CAPACITY_EXHAUSTED on a full quota, and never deletes the oldest', async () => {
    const play = await stage.play({ settings: { maxLive: 1 } });
    const old = await rotated(play);
    await play.rotate();
    const result = await play.result();
    expect(result.outcome).toBe('failed');
    expect(result.why).toContain('CAPACITY_EXHAUSTED');
    expect(play.liveVersions()).toEqual([old]);
  });

  it('never touches a key that is not ours', async () => {
    const play = await stage.play();
    plantKey(play.provider, { id: 'theirs', value: 'theirs', at: Date.now() });
    await rotated(play);
    await rotated(play);
    expect(standingKeys(play.provider, Date.now()).map((key) => key.id)).toContain('theirs');
    expect(play.liveVersions()).toHaveLength(2);
  });

  it('waits through a provider that rate-limits and is unavailable', async () => {
    const play = await stage.play();
    scriptTrouble(play.provider, 'any', { kind: 'fail', code: 'RATE_LIMITED' }, 4);
    scriptTrouble(play.provider, 'any', { kind: 'fail', code: 'UNAVAILABLE' }, 4);
    const version = await rotated(play);
    expect(play.liveVersions()).toEqual([version]);
  });

  it('keeps a revocation that fails until it is done', async () => {
    const play = await stage.play();
    await rotated(play);
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 7);
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'ACCESS_DENIED' }, 2);
    const version = await rotated(play);
    expect(play.liveVersions()).toEqual([version]);
  });

  it('rehearses: issues, stages, verifies and discards, and the current version stays', async () => {
    const play = await stage.play();
    const old = await rotated(play);
    await play.rotate({ rehearse: true });
    expect((await play.result()).outcome).toBe('discarded');
    expect(play.liveVersions()).toEqual([old]);
    expect(play.provider.change((state) => state.keys.length)).toBe(2);
    expect(play.shown()).toBe(old);
  });

  it('observes only in mode observe: nothing is made', async () => {
    const play = await stage.play({ entry: { mode: 'observe' } });
    await play.rotate();
    expect((await play.result()).outcome).toBe('observed');
    expect(play.provider.change((state) => state.keys.length)).toBe(0);
  });

  it('stays behind no one of several backends: all show the version before the old one dies', async () => {
    const play = await stage.play({ backends: ['shelf', 'mirror'] });
    const old = await rotated(play);
    play.backends['mirror']?.script('sealed', { operation: 'promote', times: 4 });
    await play.rotate();
    await play.result();
    expect(play.shown('shelf')).toBe(play.shown('mirror'));
    expect(play.liveVersions()).not.toContain(old);
  });

  it('leaves projections that equal a rebuild from events', async () => {
    const before = await stage.ledger.dump();
    await stage.ledger.rebuild();
    expect(await stage.ledger.dump()).toEqual(before);
    expect((await stage.ledger.verifyChain()).broken).toEqual([]);
  });
});
