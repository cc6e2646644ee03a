import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
  type Client,
} from '@temporalio/client';
import type { EscalatedRotations } from '../activities/incident/ports.ts';
import type { Incidents } from '../control/incident-ports.ts';
import { KeybatonError } from '../domain/errors.ts';
import { incidentWorkflowId, rotationWorkflowId, type CredentialId, type VersionId } from '../domain/identifiers.ts';
import type { Declaration, IncidentPart, RateLimit } from '../domain/incident.ts';
import { queues } from '../domain/queues.ts';
import { defaultPace, type Pace } from '../domain/rotation.ts';
import type { emergencyRevocation } from '../workflows/emergency-revocation.ts';
import {
  closeIncident,
  escalate,
  incidentProgress,
  part,
  takeOver,
  wake,
  type Escalation,
} from '../workflows/messages.ts';
import type { rotateCredential } from '../workflows/rotate-credential.ts';
import { askTemporal } from './ask-temporal.ts';
import type { Temporal } from './temporal.ts';

/** Milliseconds after which Temporal counts as away: then the same is done without it. */
const patience = 5_000;

export interface IncidentsInput {
  readonly temporal: () => Promise<Temporal>;
  readonly address: string;
  /** Rate limits of targets by name, from wherever they are known now; none is known: none is kept. */
  readonly rates: () => Promise<Readonly<Record<string, RateLimit>>>;
}

/** People's way to a running incident. */
export function openIncidents({ temporal, address, rates }: IncidentsInput): Incidents {
  const help = 'add --direct to kill without it';
  const asked = <Result>(ask: (client: Client) => Promise<Result>): Promise<Result> =>
    askTemporal({ temporal, address, help }, ask, patience);

  return {
    declare: async (declaration, parts) => {
      const limited = await rates().catch(() => ({}));
      const [first, ...more] = parts.map((one) => withRates(one, limited));
      if (first === undefined) return asked((client) => declareNone(client, declaration));
      for (const one of [first, ...more]) await asked((client) => declarePart(client, declaration, one));
    },
    progress: (incident) =>
      asked(async (client) => {
        const handle = client.workflow.getHandle(incidentWorkflowId(incident));
        const { status } = await handle.describe();
        return status.name === 'RUNNING' ? await handle.query(incidentProgress) : undefined;
      }).catch((thrown: unknown) => {
        if (thrown instanceof WorkflowNotFoundError) return undefined;
        throw thrown;
      }),
    takeOver: (incident, credential) =>
      asked((client) => client.workflow.getHandle(incidentWorkflowId(incident)).signal(takeOver, { credential })).catch(
        notRunning(incident),
      ),
    close: (incident, who) =>
      asked((client) => client.workflow.getHandle(incidentWorkflowId(incident)).signal(closeIncident, { who })).catch(
        notRunning(incident),
      ),
  };
}

const notRunning =
  (incident: string) =>
  (thrown: unknown): never => {
    if (thrown instanceof WorkflowNotFoundError)
      throw new KeybatonError('NOT_FOUND', `no incident ${incident} is running: see \`keybaton incident list\``);
    throw thrown;
  };

function withRates(one: IncidentPart, limited: Readonly<Record<string, RateLimit>>): IncidentPart {
  if (one.rates !== undefined) return one;
  const named = [...new Set(one.versions.map(({ target }) => target))].flatMap((target) => {
    const rate = Object.hasOwn(limited, target) ? limited[target] : undefined;
    return rate === undefined ? [] : [[target, rate] as const];
  });
  return named.length === 0 ? one : { ...one, rates: Object.fromEntries(named) };
}

const incidentStart = (declaration: Declaration) => ({
  workflowId: incidentWorkflowId(declaration.incident),
  taskQueue: queues.emergency,
  args: [declaration] as [Declaration],
  priority: { priorityKey: 1 },
  // One that has ended is not begun anew by the same declaration.
  workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
});

async function declarePart(client: Client, declaration: Declaration, one: IncidentPart): Promise<void> {
  try {
    await client.workflow.signalWithStart<typeof emergencyRevocation, [IncidentPart]>('emergencyRevocation', {
      ...incidentStart(declaration),
      signal: part,
      signalArgs: [one],
    });
  } catch (thrown) {
    if (!(thrown instanceof WorkflowExecutionAlreadyStartedError)) throw thrown;
    // One that runs takes the signal: this one has ended, and nobody has these keys.
    throw new KeybatonError(
      'CONFLICT',
      `incident ${declaration.incident} has ended and takes no further keys: they are killed without it, or in a new one`,
      { cause: thrown },
    );
  }
}

async function declareNone(client: Client, declaration: Declaration): Promise<void> {
  try {
    await client.workflow.start<typeof emergencyRevocation>('emergencyRevocation', incidentStart(declaration));
  } catch (thrown) {
    if (!(thrown instanceof WorkflowExecutionAlreadyStartedError)) throw thrown;
  }
}

/** The incident's own way to rotations. What it starts runs on the emergency queue, past any backlog. */
export function escalatedRotations(client: Client, pace: Pace = defaultPace): EscalatedRotations {
  const reached = async (asked: () => Promise<unknown>): Promise<void> => {
    try {
      await client.withDeadline(Date.now() + patience, asked);
    } catch (thrown) {
      throw new KeybatonError('UNAVAILABLE', 'Temporal did not take what a rotation was to be told', { cause: thrown });
    }
  };
  const tell = (credential: CredentialId, incident: string, compromised: readonly VersionId[]): Promise<unknown> =>
    client.workflow.signalWithStart<typeof rotateCredential, [Escalation]>('rotateCredential', {
      workflowId: rotationWorkflowId(credential),
      taskQueue: queues.emergency,
      args: [{ credential, reason: `incident ${incident}`, actor: 'incident', rehearse: false, pace }],
      signal: escalate,
      signalArgs: [{ incident, compromised }],
      priority: { priorityKey: 1 },
    });
  return {
    escalate: (credential, incident, compromised) => reached(() => tell(credential, incident, compromised)),
    takeOver: (credential, incident, compromised) =>
      reached(async () => {
        await client.workflow
          .getHandle(rotationWorkflowId(credential))
          .terminate(`taken over by a person in incident ${incident}`)
          .catch((thrown: unknown) => {
            if (!(thrown instanceof WorkflowNotFoundError)) throw thrown;
          });
        await tell(credential, incident, compromised);
      }),
    start: (credential, reason) =>
      reached(() =>
        client.workflow.signalWithStart<typeof rotateCredential, []>('rotateCredential', {
          workflowId: rotationWorkflowId(credential),
          taskQueue: queues.rotations,
          args: [{ credential, reason, actor: 'incident', rehearse: false, pace }],
          signal: wake,
        }),
      ),
  };
}
