import {
  CancellationScope,
  condition,
  isCancellation,
  ParentClosePolicy,
  patched,
  startChild,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import { incidentPartWorkflowId } from '../domain/identifiers.ts';
import { backoff, tellAgainIn } from '../domain/incident-clock.ts';
import type { Declaration, IncidentPart } from '../domain/incident.ts';
import { queues } from '../domain/queues.ts';
import { unlessStarted } from './already-started.ts';
import type { containPart } from './contain-part.ts';
import { incidentEffects } from './effects.ts';
import { untilDone } from './incident-again.ts';

export interface PartsInput {
  readonly declaration: Declaration;
  readonly carried: { readonly received: readonly number[]; readonly arrived: readonly IncidentPart[] } | undefined;
  readonly closed: () => boolean;
  /** A person has it closed: what is ended from outside stays ended. */
  readonly closing: () => boolean;
  readonly renewed: () => boolean;
  /** Somebody ended a part that was not through; `times`: of this run. */
  readonly onLost: (part: number, times: number) => void;
}

/** The parts of an incident, each handed to a workflow of its own that outlives the incident's run. */
export interface IncidentParts {
  /** Parts whose workflow is there. */
  readonly received: ReadonlySet<number>;
  /** The same part again changes nothing. */
  readonly take: (part: IncidentPart) => void;
  /** Not handed on yet, for carrying over a continue-as-new. */
  left(): readonly IncidentPart[];
  /** Every part that has come has been handed on. */
  readonly idle: () => boolean;
  run(): Promise<void>;
}

export function openIncidentParts(input: PartsInput): IncidentParts {
  const { declaration, carried, closed, closing, renewed, onLost } = input;
  const arrived: IncidentPart[] = [...(carried?.arrived ?? [])];
  const received = new Set<number>(carried?.received);
  const starting = new Set<number>();
  const lost = new Map<number, IncidentPart>();
  /** Begun by an earlier run of the incident, or beside it: nobody here hears when one of them is ended. */
  const unheard = new Set<number>(carried?.received);
  let times = 0;

  return {
    received,
    take: (part) => {
      if ([received, starting, lost].some((held) => held.has(part.part))) return;
      if (arrived.some((one) => one.part === part.part)) return;
      arrived.push(part);
    },
    left: () => [...arrived, ...lost.values()],
    idle: () => arrived.length === 0 && starting.size === 0,
    async run() {
      await Promise.all([handOn(), tend()]);
    },
  };

  async function handOn(): Promise<void> {
    while (!closed()) {
      await condition(() => arrived.length > 0 || closed() || renewed());
      if (arrived.length === 0 || renewed()) return;
      const some = arrived.splice(0);
      for (const { part } of some) starting.add(part);
      await Promise.all(some.map(start));
    }
  }

  /** Temporal is asked for those that nobody hears of, at growing distance: what was ended before it was through goes on. */
  async function tend(): Promise<void> {
    if (unheard.size === 0 || !patched('parts-are-tended')) return;
    const over = (): boolean => closed() || closing() || renewed();
    for (let round = 0; unheard.size > 0 && !over(); round += 1) {
      const asked = { incident: declaration.incident, parts: [...unheard] };
      const tended = await untilDone(declaration.pace, () => incidentEffects.tendParts(asked), over);
      if (!('result' in tended)) return;
      const { ended, restarted, gone } = tended.result;
      for (const part of [...ended, ...gone]) unheard.delete(part);
      for (const part of [...restarted, ...gone]) {
        times += 1;
        onLost(part, times);
      }
      if (unheard.size > 0) await condition(over, tellAgainIn(declaration.pace.clock, round));
    }
  }

  async function start(part: IncidentPart): Promise<void> {
    const child = await startChild<typeof containPart>('containPart', {
      workflowId: incidentPartWorkflowId(declaration.incident, part.part),
      taskQueue: queues.containment,
      parentClosePolicy: ParentClosePolicy.ABANDON,
      // Only one that was ended from outside is begun anew.
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
      args: [{ declaration, part }],
    }).catch(unlessStarted);
    // Not before: what is told to a part that is not there yet is lost.
    received.add(part.part);
    starting.delete(part.part);
    child
      ?.result()
      .catch(() => again(part))
      .catch(unlessCancelled);
  }

  /** A part ends by itself only when all of it is done. It begins at the beginning: what is dead stays dead. */
  async function again(part: IncidentPart): Promise<void> {
    const own = CancellationScope.current().consideredCancelled;
    if (own || closed() || closing() || !patched('parts-start-again')) return;
    received.delete(part.part);
    lost.set(part.part, part);
    times += 1;
    onLost(part.part, times);
    await condition(() => closed() || closing() || renewed(), backoff(declaration.pace, times));
    if (closed() || closing() || renewed()) return;
    lost.delete(part.part);
    arrived.push(part);
  }
}

/** The incident itself is cancelled: whatever waits for that hears of it. */
function unlessCancelled(thrown: unknown): void {
  if (!isCancellation(thrown)) throw thrown;
}
