import { Client, Connection, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import type { Rotations } from '../control/ports.ts';
import type { Workflows } from '../activities/ports.ts';
import { KeybatonError } from '../domain/errors.ts';
import {
  rotationWorkflowId,
  settleDebtWorkflowId,
  watchTargetWorkflowId,
  type CredentialId,
} from '../domain/identifiers.ts';
import { queues } from '../domain/queues.ts';
import { defaultPace, type Pace, type RotationInput } from '../domain/rotation.ts';
import { escalate, rotationStatus, wake, type Escalation } from '../workflows/messages.ts';
import type { rotateCredential } from '../workflows/rotate-credential.ts';
import type { settleDebt } from '../workflows/settle-debt.ts';
import type { watchTarget } from '../workflows/watch-target.ts';
import { askTemporal } from './ask-temporal.ts';
import { buildsAmong, describeBuilds, oneBuild } from './builds.ts';
import { readPollers, unserved, type Poller } from './pollers.ts';

export interface TemporalAddress {
  readonly address: string;
  readonly namespace: string;
}

export interface Temporal {
  readonly client: Client;
  readonly close: () => Promise<void>;
}

/** How long a call may take before Temporal counts as unreachable, in milliseconds. */
const patience = 5_000;
const statusPatience = 3_000;

export async function connectTemporal(
  { address, namespace }: TemporalAddress,
  payloadCodecs: readonly PayloadCodec[] = [],
): Promise<Temporal> {
  try {
    const connection = await Connection.connect({ address, connectTimeout: patience });
    return {
      client: new Client({ connection, namespace, dataConverter: { payloadCodecs: [...payloadCodecs] } }),
      close: () => connection.close(),
    };
  } catch {
    throw new KeybatonError(
      'UNAVAILABLE',
      `Temporal does not answer at ${address}: start it (\`keybaton up\`), or set TEMPORAL_ADDRESS`,
    );
  }
}

type Asked = <Result>(ask: (client: Client) => Promise<Result>, within?: number) => Promise<Result>;

/** Calls that end in time, and whose trouble is told in our own words. */
function askedOf(temporal: () => Promise<Temporal>, address: string): Asked {
  const help = 'the ledger has what was asked; try again';
  return (ask, within = patience) => askTemporal({ temporal, address, help }, ask, within);
}

/** Who polls our queues now. */
export function pollersOf(temporal: () => Promise<Temporal>, address: string): () => Promise<readonly Poller[]> {
  const asked = askedOf(temporal, address);
  return () => asked(readPollers);
}

/** People's only way to Temporal. */
export function rotations(temporal: () => Promise<Temporal>, address: string): Rotations {
  const asked = askedOf(temporal, address);
  return {
    start: (input) => asked((client) => start(client, input)),
    wake: (credential) => asked((client) => signalIfRunning(client, credential)),
    escalate: async (credential, escalation) => {
      await asked((client) =>
        client.workflow.signalWithStart<typeof rotateCredential, [Escalation]>('rotateCredential', {
          workflowId: rotationWorkflowId(credential),
          taskQueue: queues.rotations,
          args: [
            {
              credential,
              reason: `incident ${escalation.incident}`,
              actor: 'incident',
              rehearse: false,
              pace: defaultPace,
            },
          ],
          signal: escalate,
          signalArgs: [escalation],
          priority: { priorityKey: 1 },
        }),
      );
    },
    status: (credential) =>
      asked(async (client) => {
        const handle = client.workflow.getHandle(rotationWorkflowId(credential));
        const { status } = await handle.describe();
        if (status.name !== 'RUNNING') return undefined;
        return handle.query(rotationStatus).catch((thrown: unknown) => noAnswer(client, thrown));
      }, statusPatience).catch((thrown: unknown) => {
        if (thrown instanceof WorkflowNotFoundError) return undefined;
        throw thrown;
      }),
    ping: async () => {
      const began = Date.now();
      await asked((client) => client.connection.workflowService.getSystemInfo({}));
      return Date.now() - began;
    },
  };
}

/** The server is there, and no worker has answered for the run: people are told which of the two reasons it is. */
async function noAnswer(client: Client, thrown: unknown): Promise<never> {
  if (thrown instanceof WorkflowNotFoundError) throw thrown;
  const pollers = await client.withDeadline(Date.now() + statusPatience, () => readPollers(client));
  if (unserved(pollers).includes(queues.rotations))
    throw new KeybatonError(
      'UNAVAILABLE',
      'no worker polls: the rotation waits where it is; start `keybaton worker` (or `keybaton up`)',
      { cause: thrown },
    );
  const builds = buildsAmong(pollers);
  const who = `it was asked of ${describeBuilds(builds)}`;
  throw new KeybatonError(
    'UNAVAILABLE',
    `no worker can tell where the rotation is; ${who}: if it began on another build, ${oneBuild}`,
    { cause: thrown },
  );
}

async function start(client: Client, input: RotationInput): Promise<'started' | 'running'> {
  try {
    await client.workflow.start<typeof rotateCredential>('rotateCredential', {
      workflowId: rotationWorkflowId(input.credential),
      taskQueue: queues.rotations,
      args: [input],
    });
    return 'started';
  } catch (thrown) {
    if (!(thrown instanceof WorkflowExecutionAlreadyStartedError)) throw thrown;
    await signalIfRunning(client, input.credential);
    return 'running';
  }
}

async function signalIfRunning(client: Client, credential: CredentialId): Promise<void> {
  try {
    await client.workflow.getHandle(rotationWorkflowId(credential)).signal(wake);
  } catch (thrown) {
    if (!(thrown instanceof WorkflowNotFoundError)) throw thrown;
  }
}

/** What effects may start or wake: both are named by what they serve, so that a second start is the first. */
export function workflowStarter(client: Client, pace: Pace = defaultPace): Workflows {
  const unlessRunning = async (started: Promise<unknown>): Promise<void> => {
    await started.catch((thrown: unknown) => {
      if (!(thrown instanceof WorkflowExecutionAlreadyStartedError))
        throw new KeybatonError('UNAVAILABLE', 'Temporal did not start a workflow', { cause: thrown });
    });
  };
  return {
    watchTarget: (target) =>
      unlessRunning(
        client.workflow.signalWithStart<typeof watchTarget>('watchTarget', {
          workflowId: watchTargetWorkflowId(target),
          taskQueue: queues.rotations,
          args: [{ target, retryAfter: pace.retryFrom }],
          signal: wake,
        }),
      ),
    settleDebt: (credential, version) =>
      unlessRunning(
        client.workflow.start<typeof settleDebt>('settleDebt', {
          workflowId: settleDebtWorkflowId(version),
          taskQueue: queues.rotations,
          args: [{ credential, version, pace }],
        }),
      ),
    wakeRotation: (credential) => signalIfRunning(client, credential),
  };
}
