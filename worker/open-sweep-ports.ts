import type { Client } from '@temporalio/client';
import type { ActivityPorts } from '../activities/ports.ts';
import { compareTarget } from '../activities/sweep/compare-target.ts';
import type { SweepHooks, SweepPorts } from '../activities/sweep/ports.ts';
import { revokeStray } from '../activities/sweep/revoke-stray.ts';
import type { Sweeping } from '../control/sweep-ports.ts';
import { isKeybatonError } from '../domain/errors.ts';
import { asTargets } from '../inventory/targets.ts';
import { scheduleStanding, sweepNow } from './schedule.ts';
import { sweepStarts } from './sweep-starts.ts';

/** What the sweep's activities work with: everything an effect has, the worker's own client, and what others hook in. */
export function sweepPorts(ports: ActivityPorts, client: Client, hooks: SweepHooks = {}): SweepPorts {
  return {
    ...ports,
    hooks,
    starts: sweepStarts(client),
    targets: async () =>
      Object.entries(asTargets(await ports.ledger.appliedTargets()).targets).map(([name, { provider }]) => ({
        name,
        provider,
      })),
  };
}

/** Comparing and revoking in this process; the Schedule through a client that is connected when it is asked for. */
export function openSweeping(ports: ActivityPorts, client: () => Promise<Client>): Sweeping {
  const never = (): AbortSignal => new AbortController().signal;
  return {
    async reconcile(target) {
      try {
        const { present: _present, ...report } = await compareTarget(ports, target, never());
        return report;
      } catch (thrown) {
        if (!isKeybatonError(thrown)) throw thrown;
        return { target, trouble: `${thrown.code}: ${thrown.message}`, ours: 0, keys: [], vanished: [] };
      }
    },
    revokeStray: async (input) =>
      revokeStray(ports, async (start) => sweepStarts(await client()).start(start), input, never()),
    schedule: async () => scheduleStanding(await client()),
    sweepNow: async () => sweepNow(await client()),
  };
}
