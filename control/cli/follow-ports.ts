import { KeybatonError } from '../../domain/errors.ts';
import { steps } from '../../domain/rotation.ts';
import type { FollowPorts } from '../operations/follow.ts';
import { historyOperation } from '../operations/table/history.ts';
import { statusOperation } from '../operations/table/status.ts';
import type { CommandContext } from './command.ts';

/** What following a run asks, of this machine or of the API. */
export async function followPorts({
  remote,
  ports,
  call,
}: Pick<CommandContext, 'remote' | 'ports' | 'call'>): Promise<FollowPorts> {
  if (!remote) return ports();
  return {
    ledger: {
      history: async (asked) => (await call(historyOperation, asked)).events,
      facts: (credential) => call(statusOperation, { credential }),
    },
    rotations: {
      async status(credential) {
        const { run, trouble } = await call(statusOperation, { credential });
        if (trouble !== null) throw new KeybatonError('UNAVAILABLE', trouble);
        if (run === null) return undefined;
        const step = steps.find((one) => one === run.step);
        // A step that this build does not know is one of a newer API: shown as the last that every build has.
        return {
          step: step ?? 'confirming',
          since: run.since,
          waitsFor: run.waitsFor ?? undefined,
          version: run.version ?? undefined,
        };
      },
    },
  };
}
