import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { isKeybatonError, KeybatonError } from '../domain/errors.ts';

export interface AskTemporal {
  readonly temporal: () => Promise<{ readonly client: Client }>;
  readonly address: string;
  /** What people can do when it does not answer. */
  readonly help: string;
}

/**
 * A call that ends in `within` milliseconds, connecting included, and whose trouble is told in our own words: UNAVAILABLE,
 * but for what Temporal says of the workflow itself, which is thrown as it is.
 */
export async function askTemporal<Result>(
  { temporal, address, help }: AskTemporal,
  ask: (client: Client) => Promise<Result>,
  within: number,
): Promise<Result> {
  const until = Date.now() + within;
  try {
    const { client } = await temporal();
    return await client.withDeadline(until, () => ask(client));
  } catch (thrown) {
    if (
      isKeybatonError(thrown) ||
      thrown instanceof WorkflowNotFoundError ||
      thrown instanceof WorkflowExecutionAlreadyStartedError
    )
      throw thrown;
    throw new KeybatonError('UNAVAILABLE', `Temporal at ${address} does not answer: ${help}`, { cause: thrown });
  }
}
