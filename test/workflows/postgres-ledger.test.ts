import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostgresServer, type PostgresServer } from '../../scripts/servers/postgres-server.ts';
import { consumer, openStage, type Stage } from '../support/rotation-world.ts';
import { until } from '../support/until.ts';

/** The production ledger under the same rotations: proved, rolled back, and with its database away in the middle. */
describe('a rotation with its ledger on PostgreSQL', () => {
  let server: PostgresServer;
  let stage: Stage;
  beforeAll(async () => {
    server = await startPostgresServer();
    stage = await openStage({ ledgerUrl: server.adminUrl });
  }, 90_000);
  afterAll(async () => {
    await stage.close();
    await server.stop();
  }, 60_000);

  it('ends rotated once its consumer proved the new version', async () => {
    const play = await stage.play({ entry: { consumers: [consumer('bot')] } });
    await play.rotate();
    await play.result();
    await play.beat('bot');
    await play.rotate();
    await play.reaches('confirming');
    const fresh = (await play.current()).id;
    await play.prove('bot');
    expect((await play.result()).outcome).toBe('rotated');
    expect(play.liveVersions()).toEqual([fresh]);
  });

  it('waits while the database is gone in the middle, kills nothing meanwhile, and goes on after it', async () => {
    const play = await stage.play({ entry: { consumers: [consumer('bot')] } });
    await play.rotate();
    await play.result();
    const old = (await play.current()).id;
    await play.beat('bot');
    const held = play.hold('promote');
    await play.rotate();
    await held.arrived;
    await server.kill();
    held.letGo();
    await until(
      'the run says what it waits for',
      async () => (await stage.rotations.status(play.id))?.waitsFor !== undefined,
    );
    expect(play.liveVersions()).toContain(old);
    await server.restart();
    await play.wake();
    await play.reaches('confirming');
    await play.prove('bot');
    await play.result();
    expect(play.liveVersions()).toEqual([(await play.current()).id]);
  });

  it('leaves projections that equal a rebuild from events', async () => {
    const before = await stage.ledger.dump();
    await stage.ledger.rebuild();
    expect(await stage.ledger.dump()).toEqual(before);
    expect((await stage.ledger.verifyChain()).broken).toEqual([]);
  });
});
