import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rotationWorkflowId, type CredentialId, type VersionId } from '../../domain/identifiers.ts';
import { scriptTrouble } from '../../providers/in-memory/trouble.ts';
import { openEmergencyStage, type EmergencyStage } from '../support/emergency-world.ts';
import type { Play, PlayOptions } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** Protocol 7: policies, the cascade, and what an incident outlives. */
describe('an emergency', () => {
  let stage: EmergencyStage;
  beforeAll(async () => {
    stage = await openEmergencyStage();
  }, 60_000);
  afterAll(() => stage.close(), 120_000);

  async function settled(options: PlayOptions = {}): Promise<{ play: Play; old: VersionId }> {
    const play = await stage.play(options);
    await play.rotate();
    await play.result();
    for (const name of play.consumers()) await play.beat(name);
    return { play, old: (await play.current()).id };
  }

  const statusOf = async (credential: CredentialId, run: string): Promise<string> =>
    (await stage.client.workflow.getHandle(rotationWorkflowId(credential), run).describe()).status.name;

  const provedDead = async (incident: string): Promise<boolean> => {
    const progress = await stage.progress(incident);
    return progress !== undefined && progress.keys > 0 && progress.dead === progress.keys;
  };

  it('replace-first kills at its bound, though no replacement can be made', async () => {
    const { play, old } = await settled({ entry: { emergency: { policy: 'replace-first', bound: 600_000 } } });
    scriptTrouble(play.provider, 'issue', { kind: 'fail', code: 'UNAVAILABLE' }, 100_000);
    const frozen = await stage.freeze(play, { policy: 'replace-first', killAt: Date.now() + 3_000 });
    const { incident } = await stage.declare(frozen);
    await until('the incident runs', async () => (await stage.progress(incident))?.keys === 1);
    expect(play.liveVersions()).toEqual([old]);
    await until('the key is proved dead', () => provedDead(incident));
    const reached = (await stage.progress(incident))?.reached.contained ?? 0;
    expect(reached).toBeGreaterThanOrEqual(frozen[0]?.killAt ?? Infinity);
    await stage.incidents.close(incident, 'test');
    await stage.closed(incident);
  });

  it('replace-first kills before its bound once the replacement is with its consumers', async () => {
    const { play, old } = await settled({ entry: { emergency: { policy: 'replace-first', bound: 600_000 } } });
    const frozen = await stage.freeze(play, { policy: 'replace-first', killAt: Date.now() + 600_000 });
    const { incident } = await stage.declare(frozen);
    expect(await stage.closed(incident)).toMatchObject({ dead: 1, confirmed: 1 });
    expect(play.liveVersions()).not.toContain(old);
  });

  it('what depends on a replaced key follows in order; one that waits for a person holds only its own dependents', async () => {
    const { play: last, old: lastOld } = await settled();
    const { play: held, old: heldOld } = await settled({ entry: { dependents: [last.id] } });
    const paused = await stage.ledger.request({ kind: 'pause', credential: held.id, who: 'test', why: 'test' });
    const { play: free, old: freeOld } = await settled();
    const { play } = await settled({ entry: { dependents: [held.id, free.id] } });
    const { incident } = await stage.declare(await stage.freeze(play));
    await stage.closed(incident);
    await until('the one that waits for nobody is rotated', async () => (await free.current()).id !== freeOld);
    expect((await held.current()).id).toBe(heldOld);
    expect((await last.current()).id).toBe(lastOld);
    await stage.ledger.withdrawRequest({ id: paused.id, who: 'test', why: 'test' });
    await held.wake();
    await until(
      'the held one is rotated, and then what depends on it',
      async () => {
        return (await held.current()).id !== heldOld && (await last.current()).id !== lastOld;
      },
      60_000,
    );
  }, 120_000);

  it('a worker that is stopped in the middle of killing goes on where it was', async () => {
    const { play, old } = await settled();
    const frozen = await stage.freeze(play);
    scriptTrouble(play.provider, 'revoke', { kind: 'fail', code: 'UNAVAILABLE' }, 6);
    const { incident } = await stage.declare(frozen);
    await until(
      'a first try has failed',
      async () => (await stage.progress(incident))?.open[0]?.why !== 'not tried yet',
    );
    await stage.stopWorker();
    await stage.startWorker();
    expect(await stage.closed(incident)).toMatchObject({ dead: 1, replaced: 1 });
    expect(play.liveVersions()).not.toContain(old);
  }, 90_000);

  it('a rotation that a person takes over begins anew under its id, knows what leaked, and people hear of it', async () => {
    const { play, old } = await settled();
    const frozen = await stage.freeze(play);
    scriptTrouble(play.provider, 'issue', { kind: 'fail', code: 'UNAVAILABLE' }, 100_000);
    const { incident } = await stage.declare(frozen);
    const runs = async (): Promise<string> =>
      (await stage.client.workflow.getHandle(rotationWorkflowId(play.id)).describe()).runId;
    await until('the key is proved dead', () => provedDead(incident));
    await until('its rotation gets nowhere', async () =>
      (await play.facts()).versions.some(({ fate }) => fate === 'pending'),
    );
    const stuck = await runs();
    await stage.incidents.takeOver(incident, play.id);
    await until('another run has begun', async () => (await runs()) !== stuck);
    expect(await statusOf(play.id, stuck)).toBe('TERMINATED');
    play.provider.change((state) => {
      state.troubles = [];
    });
    expect(await stage.closed(incident)).toMatchObject({ dead: 1, replaced: 1 });
    const { events } = await stage.ledger.incident(incident);
    expect(events.map(({ kind }) => kind)).toContain(`taken-over.${play.id}`);
    expect(stage.told.filter((one) => one.incident === incident).map(({ kind }) => kind)).toContain('incident.taken');
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
    expect(play.liveVersions()).not.toContain(old);
  }, 90_000);

  it('a backend that is down from before the command keeps no key alive, and is what the replacement waits for', async () => {
    const { play } = await settled();
    const frozen = await stage.freeze(play);
    for (const backend of Object.values(play.backends)) backend.script('fail', { times: 1_000_000 });
    const { incident } = await stage.declare(frozen);
    await until('the key is proved dead', () => provedDead(incident));
    expect(play.liveVersions()).not.toContain(frozen[0]?.version);
    expect((await stage.progress(incident))?.replaced).toBe(0);
    await stage.incidents.close(incident, 'test');
    expect(await stage.closed(incident)).toMatchObject({ dead: 1, replaced: 0, closed: true });
  });

  it('counts keys of several parts as one incident', async () => {
    const plays = await Promise.all([settled(), settled(), settled()]);
    const frozen = (await Promise.all(plays.map(({ play }) => stage.freeze(play)))).flat();
    const { incident } = await stage.declare(frozen, { partSize: 1 });
    expect(await stage.closed(incident)).toMatchObject({ keys: 3, contained: 3, dead: 3, replaced: 3, confirmed: 3 });
  });
});
