import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import type { DrillsByWorkers } from '../control/drill-ports.ts';
import type { ScheduledDrill } from '../activities/scheduled-drill.ts';
import { isErrorCode, KeybatonError } from '../domain/errors.ts';
import { drillWorkflowId } from '../domain/identifiers.ts';
import { queues } from '../domain/queues.ts';
import type { drillCredential } from '../workflows/drill-credential.ts';
import { askTemporal } from './ask-temporal.ts';
import type { Temporal } from './temporal.ts';

/** Milliseconds in which Temporal takes it. */
const patience = 5_000;

/** Answers false when a drill of this credential runs already. */
export async function startDrill(client: Client, input: ScheduledDrill): Promise<boolean> {
  try {
    await client.workflow.start<typeof drillCredential>('drillCredential', {
      workflowId: drillWorkflowId(input.credential),
      taskQueue: queues.rotations,
      args: [input],
    });
    return true;
  } catch (thrown) {
    if (thrown instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw thrown;
  }
}

/** People's drills, from where nobody holds a credential of a provider: a worker mints, and starts the thief. */
export function openDrillsByWorkers(temporal: () => Promise<Temporal>, address: string): DrillsByWorkers {
  const help = 'nothing was made; try again';
  return {
    async run(input, within) {
      const began = await askTemporal({ temporal, address, help }, (client) => startDrill(client, input), patience);
      if (!began) throw new KeybatonError('CONFLICT', `a drill of ${input.credential} runs already`);
      const { client } = await temporal();
      const waited = new AbortController();
      const late = new Promise<undefined>((resolve) => {
        const timer = setTimeout(() => resolve(undefined), within);
        waited.signal.addEventListener('abort', () => clearTimeout(timer));
      });
      const handle = client.workflow.getHandle<typeof drillCredential>(drillWorkflowId(input.credential));
      // A drill that was begun goes on whoever is asked: what does not answer now tells in the ledger. The question ends with the
      // wait: one that is open when the connection closes would be asked once more, where nobody catches what that throws.
      const asked = client.withAbortSignal(waited.signal, () => handle.result()).catch(() => undefined);
      const ended = await Promise.race([asked, late]);
      waited.abort();
      if (ended?.kind === 'refused')
        throw new KeybatonError(isErrorCode(ended.code) ? ended.code : 'UNAVAILABLE', ended.why);
      return ended ?? { kind: 'running' };
    },
  };
}
