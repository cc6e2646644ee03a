import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { Starts } from '../activities/sweep/ports.ts';
import { KeybatonError } from '../domain/errors.ts';
import { rotationWorkflowId } from '../domain/identifiers.ts';
import { queues } from '../domain/queues.ts';
import type { rotateCredential } from '../workflows/rotate-credential.ts';

/** How long one call may take before Temporal counts as unreachable, in milliseconds. */
const patience = 10_000;

/** What a sweep starts and asks, through the worker's own client. */
export function sweepStarts(client: Client): Starts {
  const asked = async <Answer>(ask: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await client.withDeadline(Date.now() + patience, ask);
    } catch (thrown) {
      if (thrown instanceof WorkflowExecutionAlreadyStartedError || thrown instanceof WorkflowNotFoundError)
        throw thrown;
      throw new KeybatonError('UNAVAILABLE', 'Temporal did not answer the sweep', { cause: thrown });
    }
  };
  return {
    start: async (input) => {
      try {
        await asked(() =>
          client.workflow.start<typeof rotateCredential>('rotateCredential', {
            workflowId: rotationWorkflowId(input.credential),
            taskQueue: queues.rotations,
            args: [input],
          }),
        );
        return 'started';
      } catch (thrown) {
        if (thrown instanceof WorkflowExecutionAlreadyStartedError) return 'running';
        throw thrown;
      }
    },
    running: async (workflowId) => {
      try {
        const { status } = await asked(() => client.workflow.getHandle(workflowId).describe());
        return status.name === 'RUNNING';
      } catch (thrown) {
        if (thrown instanceof WorkflowNotFoundError) return false;
        throw thrown;
      }
    },
  };
}
