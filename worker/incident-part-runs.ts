import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { encodeWorkflowIdReusePolicy } from '@temporalio/common';
import type { IncidentPartRuns } from '../activities/incident/ports.ts';
import { KeybatonError } from '../domain/errors.ts';
import { incidentPartWorkflowId } from '../domain/identifiers.ts';
import { queues } from '../domain/queues.ts';

/** Milliseconds after which Temporal counts as away; the same is asked again later. */
const patience = 5_000;
/** What gRPC calls it when a workflow of this id is there, or has ended well. */
const alreadyExists = 6;

/** The parts of a running incident, as Temporal knows them by their ids. */
export function incidentPartRuns(client: Client): IncidentPartRuns {
  return {
    async tend(incident, part) {
      const workflowId = incidentPartWorkflowId(incident, part);
      try {
        return await client.withDeadline(Date.now() + patience, () => tend(client, workflowId));
      } catch (thrown) {
        if (thrown instanceof WorkflowNotFoundError) return 'gone';
        throw new KeybatonError('UNAVAILABLE', 'Temporal does not say how a part of the incident stands', {
          cause: thrown,
        });
      }
    },
  };
}

async function tend(client: Client, workflowId: string): ReturnType<IncidentPartRuns['tend']> {
  const { status, runId } = await client.workflow.getHandle(workflowId).describe();
  if (status.name === 'RUNNING' || status.name === 'CONTINUED_AS_NEW') return 'runs';
  if (status.name === 'COMPLETED') return 'ended';
  const { namespace } = client.options;
  const execution = { workflowId, runId };
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace,
    execution,
    maximumPageSize: 1,
  });
  const input = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input;
  if (input === undefined || input === null) return 'gone';
  try {
    await client.workflowService.startWorkflowExecution({
      namespace,
      workflowId,
      workflowType: { name: 'containPart' },
      taskQueue: { name: queues.containment },
      // What it was begun with, as Temporal keeps it: encrypted, and never read here.
      input,
      // The same for each attempt at this one.
      requestId: runId,
      workflowIdReusePolicy: encodeWorkflowIdReusePolicy('ALLOW_DUPLICATE_FAILED_ONLY') ?? null,
      priority: { priorityKey: 1 },
    });
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === alreadyExists)) throw thrown;
    return 'runs';
  }
  return 'restarted';
}
