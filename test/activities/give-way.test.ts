import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { destroyVersion } from '../../activities/destroy-version.ts';
import { giveWay } from '../../activities/give-way.ts';
import { planRotation } from '../../activities/plan-rotation.ts';
import { revokeUntilDead } from '../../activities/revoke-until-dead.ts';
import type { KillFact } from '../../domain/incident.ts';
import type { TargetKills } from '../../ledger/ledger.ts';
import type { AnyProvider } from '../../providers/provider.ts';
import { openSupplies } from '../../worker/supplies.ts';
import { openRig, signal, type Rig } from './rig.ts';

let rig: Rig;
afterEach(() => rig.close());

/** A crowd at the rig's target of which one key is the rig's own; the others are only counted. */
const crowd = (now: number): TargetKills => ({
  credentials: 20,
  keys: 100,
  contained: 40,
  dead: 10,
  heardAt: now - 10_000,
  lastAt: now - 1_000,
});

/** Each call that reaches the provider. */
async function opened(emergency: 'revoke-first' | 'replace-first' = 'revoke-first') {
  const calls: string[] = [];
  const watched = (adapter: AnyProvider): AnyProvider => ({
    ...adapter,
    preflight: (...given) => (calls.push('preflight'), adapter.preflight(...given)),
    revoke: (...given) => (calls.push('revoke'), adapter.revoke(...given)),
    list: (...given) => (calls.push('list'), adapter.list(...given)),
  });
  rig = await openRig({ adapter: watched, entry: { emergency: { policy: emergency, bound: 600_000 } } });
  const { version } = await openSupplies(rig.ports).import({
    ...{ credential: rig.id, material: rig.plant('key-1'), refId: 'key-1' },
    ...{ cannotRevoke: false, actor: 'os:test' },
  });
  await rig.ledger.declareIncident({ incident: 'i', versions: [version], who: 'test', why: 'test' });
  calls.length = 0;
  let kills: (now: number) => TargetKills | undefined = crowd;
  const ports = {
    ...rig.ports,
    ledger: { ...rig.ledger, killsAt: async () => kills(await rig.ledger.clock()) },
  };
  const about = { credential: rig.id, version, at: Date.now() };
  return {
    calls,
    ports,
    version,
    stand: (next: (now: number) => TargetKills | undefined) => void (kills = next),
    plan: () =>
      planRotation(
        ports,
        { credential: rig.id, run: 'run', reason: 'incident', actor: 'test', rehearse: false, compromised: [version] },
        signal(),
      ),
    asks: async (over: 'contained' | 'dead') =>
      giveWay(ports, await rig.ports.provider('target'), await rig.facts(), over),
    record: (...facts: readonly ('contained' | 'dead')[]) =>
      rig.ledger.killFacts({
        incident: 'i',
        facts: facts.map((kind): KillFact =>
          kind === 'dead' ? { kind, ...about, grade: 'refused' } : { kind, ...about, refs: [{ id: 'key-1' }] },
        ),
      }),
  };
}

describe('while an incident kills a crowd at a target', () => {
  test('a replacement there makes no call to the provider until all of it is contained', async () => {
    const { calls, plan, stand } = await opened();
    expect(await plan()).toMatchObject({ kind: 'wait', reason: 'an incident has 60 of 100 keys here to kill first' });
    expect(calls).toEqual([]);
    stand((now) => ({ ...crowd(now), contained: 100 }));
    expect(await plan()).toMatchObject({ kind: 'done', result: { kind: 'work', plan: { issue: true } } });
  });

  test('a rotation kills none of it a second time', async () => {
    const { calls, ports, version } = await opened();
    expect(await revokeUntilDead(ports, rig.effect(version), signal())).toMatchObject({ kind: 'wait' });
    expect(calls).toEqual([]);
  });

  test('what a dead one has left is tidied after the last death', async () => {
    const { calls, ports, version, record, stand } = await opened();
    await record('contained', 'dead');
    expect(await destroyVersion(ports, rig.effect(version), signal())).toMatchObject({ kind: 'wait' });
    expect(calls).toEqual([]);
    stand((now) => ({ ...crowd(now), contained: 100, dead: 100 }));
    await destroyVersion(ports, rig.effect(version), signal());
    expect(calls).toContain('revoke');
  });

  test('those that wait come back spread over the time that their calls will take', async () => {
    const { asks } = await opened();
    const waits: number[] = [];
    for (let asked = 0; asked < 60; asked += 1) {
      const answer = await asks('contained');
      waits.push(answer?.kind === 'wait' ? answer.againIn : 0);
    }
    // 120 calls at 25 a second: 4.8 s, half of it at least and half of it more at most.
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(2_400);
    expect(Math.max(...waits)).toBeLessThanOrEqual(7_200);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(2_000);
  });

  test('a thousand keys are counted once for all who ask within a second, and anew after it', async () => {
    const { asks, stand } = await opened();
    let counts = 0;
    stand((now) => ((counts += 1), { ...crowd(now), keys: 1_000 }));
    const start = await rig.ledger.clock();
    for (let asked = 0; asked < 20; asked += 1) expect(await asks('contained')).toMatchObject({ kind: 'wait' });
    expect(counts).toBeLessThanOrEqual(1 + Math.ceil(((await rig.ledger.clock()) - start) / 1_000));
    expect(counts).toBeGreaterThanOrEqual(1);
    const before = counts;
    await wait(1_001);
    await asks('contained');
    expect(counts).toBe(before + 1);
  });

  test('nobody waits for an incident of which nothing more is heard, nor for long after its declaration', async () => {
    const { asks, stand } = await opened();
    expect(await asks('contained')).toBeDefined();
    stand((now) => ({ ...crowd(now), heardAt: now - 60_000, lastAt: now - 16_000 }));
    expect(await asks('contained')).toBeUndefined();
    stand((now) => ({ ...crowd(now), heardAt: now - 20_000, lastAt: undefined }));
    expect(await asks('contained')).toBeUndefined();
    // However well it goes on, and whatever the clock of its killer says.
    stand((now) => ({ ...crowd(now), heardAt: now - 301_000, lastAt: now + 3_600_000 }));
    expect(await asks('contained')).toBeUndefined();
  });

  test('a few keys are killed by both, and what lives until it is replaced is replaced at once', async () => {
    const { asks, stand } = await opened();
    stand((now) => ({ ...crowd(now), keys: 25, contained: 5 }));
    expect(await asks('contained')).toBeUndefined();
    stand(() => undefined);
    expect(await asks('contained')).toBeUndefined();
    await rig.close();
    const patient = await opened('replace-first');
    expect(await patient.asks('contained')).toBeUndefined();
  });
});
