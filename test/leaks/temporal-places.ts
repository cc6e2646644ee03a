import type { Client } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

/** The history of every workflow run, as Temporal answers it. */
export async function histories(client: Client): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { workflowId, runId } of client.workflow.list())
    found.push(historyToJSON(await client.workflow.getHandle(workflowId, runId).fetchHistory()));
  return found;
}

/** What Temporal's lists show of every run: names, memos, search attributes. */
export async function visibility(client: Client): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const row of client.workflow.list()) found.push(JSON.stringify(row));
  return found;
}
