import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reconcile } from '../../control/operations/reconcile.ts';
import { versionIdFrom } from '../../domain/identifiers.ts';
import { plantKey, standingKeys } from '../../providers/in-memory/world.ts';
import { openSweeping } from '../../worker/open-sweep-ports.ts';
import type { Play } from '../support/rotation-world.ts';
import { openSweepStage, type SweepStage } from '../support/sweep-world.ts';
import { until } from '../support/until.ts';

describe('reconcile', () => {
  let stage: SweepStage;
  /** What the ledger has noted, as if it had been noted so long ago. */
  let aged = 0;
  beforeAll(async () => {
    stage = await openSweepStage();
  }, 60_000);
  afterAll(() => stage.close());

  const ports = () => {
    const { ledger } = stage.ports;
    const early: typeof ledger.sighted = async (input) =>
      (await ledger.sighted(input)).map((one) => ({ ...one, firstAt: one.firstAt - aged }));
    const own = { ...stage.ports, ledger: { ...ledger, sighted: early } };
    return { ledger, sweeping: openSweeping(own, async () => stage.client) };
  };
  const ask = async (play: Play, more: object = {}) => {
    const answer = await reconcile(ports(), { actor: 'os:ada', target: play.entry.target, ...more });
    const [report] = answer.targets;
    if (report === undefined) throw new Error('no report');
    return { ...answer, report };
  };
  const rotated = async (): Promise<Play> => {
    const play = await stage.play();
    await play.rotateQuietly();
    await play.result();
    return play;
  };
  const plant = async (play: Play, id: string, version?: string): Promise<void> => {
    const tag = version === undefined ? {} : { tag: `${await stage.ledger.installation()}:${version}` };
    plantKey(play.provider, { id, value: randomBytes(16).toString('hex'), at: Date.now() - 1, ...tag });
  };
  const ids = (play: Play): readonly string[] => standingKeys(play.provider, Date.now()).map(({ id }) => id);

  it('finds nothing to say of what the ledger has', async () => {
    const { report, trusted } = await ask(await rotated());
    expect(report).toMatchObject({ trouble: undefined, ours: 1, keys: [], vanished: [] });
    expect(trusted).toBe(true);
  });

  it('reports an unmanaged key, never revokes it, and ignores it once somebody says why', async () => {
    const play = await rotated();
    await plant(play, 'hand-made');
    aged = 3_600_000;
    const { report, revoked } = await ask(play, { revokeStrays: true });
    expect(report.keys.map(({ standing }) => standing)).toEqual(['unmanaged']);
    expect(revoked).toEqual([]);
    expect(ids(play)).toContain('hand-made');
    const ignored = await ask(play, { ignore: 'hand-made', why: 'the build server' });
    expect(ignored.report.keys.map(({ standing }) => standing)).toEqual(['ignored']);
  });

  it('revokes a stray only when it was seen twice, far enough apart', async () => {
    const play = await rotated();
    await plant(play, 'stray', versionIdFrom(randomBytes(64)));
    aged = 0;
    const first = await ask(play, { revokeStrays: true });
    expect(first.report.keys).toMatchObject([{ standing: 'stray', ripe: false }]);
    expect(first.kept).toMatchObject([{ ref: 'stray' }]);
    expect(ids(play)).toContain('stray');
    aged = 3_600_000;
    const second = await ask(play, { revokeStrays: true });
    expect(second.revoked).toMatchObject([{ how: 'revoked' }]);
    expect(ids(play)).not.toContain('stray');
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
  });

  it('leaves a twin of a dead version to its rotation, which proves it dead', async () => {
    const play = await rotated();
    const old = (await play.current()).id;
    await play.rotate();
    await play.result();
    await plant(play, 'late-twin', old);
    aged = 3_600_000;
    expect((await ask(play, { revokeStrays: true })).revoked).toMatchObject([{ how: 'owed' }]);
    await until('the twin is gone', () => !ids(play).includes('late-twin'));
    await play.result();
    expect((await play.facts()).versions.find(({ id }) => id === old)?.fate).toBe('dead');
  });

  it('says of a target that does not answer that it cannot tell', async () => {
    const { report } = await ask({ ...(await rotated()), entry: { target: 'nowhere' } } as unknown as Play);
    expect(report.trouble).toMatch(/^NOT_FOUND/);
    await expect(ask(await rotated(), { read: true })).rejects.toThrow(/leave --target out/);
  });
});
