import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTemporalServer, type TemporalServer } from '../../scripts/servers/temporal-server.ts';
import { defaultLimits } from '../../domain/sweep.ts';
import { defaultSweep, keepSchedule, scheduleStanding, sweepSchedule } from '../../worker/schedule.ts';
import { scheduleFinding } from '../../worker/schedule-finding.ts';
import { connectTemporal, type Temporal } from '../../worker/temporal.ts';
import { drillRig, type DrillRig } from './drill-rig.ts';

/** On the real dev server; nobody works there, so that nothing is swept. */
describe('the Schedule of the sweeps', () => {
  let server: TemporalServer;
  let temporal: Temporal;
  let rig: DrillRig;
  beforeAll(async () => {
    server = await startTemporalServer();
    temporal = await connectTemporal(server);
    const { address: TEMPORAL_ADDRESS, namespace: TEMPORAL_NAMESPACE } = server;
    rig = await drillRig({ imported: false, environment: { TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE } });
  }, 60_000);
  afterEach(async () => {
    await handle()
      .delete()
      .catch(() => undefined);
  });
  afterAll(async () => {
    await rig.close();
    await temporal.close();
    await server.stop();
  });

  const handle = () => temporal.client.schedule.getHandle(sweepSchedule);
  const monthly = { ...defaultSweep, every: 30 * 86_400_000 };
  const argsNow = async (): Promise<unknown> => {
    const { action } = await handle().describe();
    return action.args;
  };

  it('is made once, and left alone while it is as it should be', async () => {
    expect(await keepSchedule(temporal.client, monthly)).toBe('made');
    expect(await keepSchedule(temporal.client, monthly)).toBe('kept');
  });

  it('is brought to the settings of the worker that starts: interval and limits', async () => {
    await keepSchedule(temporal.client, monthly);
    expect(await keepSchedule(temporal.client, { ...monthly, every: 86_400_000 })).toBe('changed');
    expect((await scheduleStanding(temporal.client)).every).toBe(86_400_000);
    const limits = { ...defaultLimits, startsPerTarget: 2 };
    const input = { ...monthly.input, limits };
    expect(await keepSchedule(temporal.client, { every: 86_400_000, input })).toBe('changed');
    expect(await argsNow()).toEqual([input]);
    expect(await keepSchedule(temporal.client, { every: 86_400_000, input })).toBe('kept');
  });

  it('that somebody changed by hand is brought back, what the worker did not set too', async () => {
    await keepSchedule(temporal.client, monthly);
    const changes = ['overlap', 'queue', 'jitter', 'second interval', 'end', 'a last action'] as const;
    for (const change of changes) {
      await handle().update(({ policies, action, state }) => ({
        action: change === 'queue' ? { ...action, taskQueue: 'elsewhere' } : action,
        policies: change === 'overlap' ? { ...policies, overlap: 'ALLOW_ALL' } : policies,
        spec: {
          intervals: [{ every: monthly.every }, ...(change === 'second interval' ? [{ every: 3_600_000 }] : [])],
          ...(change === 'jitter' ? { jitter: 60_000 } : {}),
          ...(change === 'end' ? { endAt: new Date(Date.now() + 3_600_000) } : {}),
        },
        state: { ...state, ...(change === 'a last action' ? { remainingActions: 1 } : {}) },
      }));
      expect([change, await keepSchedule(temporal.client, monthly)]).toEqual([change, 'changed']);
      expect([change, await keepSchedule(temporal.client, monthly)]).toEqual([change, 'kept']);
    }
  });

  it('that a person has paused stays paused when its settings change; doctor and status tell of it', async () => {
    await keepSchedule(temporal.client, monthly);
    await handle().pause('the auditors are here');
    expect(await keepSchedule(temporal.client, { ...monthly, every: 86_400_000 })).toBe('changed');
    const standing = await scheduleStanding(temporal.client);
    expect(standing).toMatchObject({ state: 'paused', note: 'the auditors are here', every: 86_400_000 });
    expect(scheduleFinding(standing, Date.now())).toMatchObject({ verdict: 'warning' });
    expect((await rig.type(['doctor'])).stdout.replace(/\s+/g, ' ')).toContain('is paused: the auditors are here');
    expect((await rig.type(['status'])).stdout).toContain('sweeps: PAUSED: the auditors are here');
    const { stdout } = await rig.type(['status', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ schedule: { state: 'paused' } });
  });

  it('that is missing is a failure for doctor, and status says so', async () => {
    const { exit, stdout } = await rig.type(['doctor']);
    expect(exit).not.toBe(0);
    expect(stdout).toMatch(/FAILURE +schedule: there is no Schedule/);
    expect((await rig.type(['status'])).stdout).toContain('sweeps: there is no Schedule');
  });
});
