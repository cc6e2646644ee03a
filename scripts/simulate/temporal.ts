import type { Agenda } from './agenda.ts';
import { attempts, type ActivityFunctions, type Life } from './attempts.ts';
import type { Chance } from './chance.ts';
import {
  allowFailed,
  alreadyStarted,
  fromPayload,
  lengthOf,
  retryState,
  toPayload,
  type Command,
  type Failure,
  type Job,
  type Payload,
  type Sandbox,
  type SandboxedRun,
} from './sandbox.ts';

export interface SimulatedTemporalInput {
  readonly agenda: Agenda;
  readonly chance: Chance;
  readonly sandbox: Sandbox;
  /** The activities of one attempt. */
  readonly activitiesOf: (life: Life) => ActivityFunctions;
  readonly tell: (line: string) => void;
}

export interface Ended {
  readonly kind: 'completed' | 'failed' | 'terminated';
  readonly result: unknown;
}

/** What keybaton uses of Temporal, on the virtual clock: ids are unique, signals durable, activities tried again. */
export interface SimulatedTemporal {
  start(type: string, workflowId: string, args: readonly unknown[], taskQueue?: string): 'started' | 'running';
  /** False when none is running. */
  signal(workflowId: string, name: string, args: readonly unknown[]): boolean;
  terminate(workflowId: string): void;
  running(): readonly string[];
  ended(workflowId: string): Ended | undefined;
  /** SIGKILL of the worker: every attempt under way stops where it is; it comes back after this long. */
  crash(downFor: number): void;
  /** SIGSTOP: every attempt under way stands still and goes on later, while others have taken its work. */
  freeze(frozenFor: number): void;
  /** Delivers each signal twice from now on, or not. */
  duplicates: boolean;
}

interface Running {
  readonly id: string;
  readonly type: string;
  readonly firstRunId: string;
  readonly taskQueue: string;
  readonly timers: Map<number, () => void>;
  run: SandboxedRun | undefined;
  jobs: Job[];
  scheduled: boolean;
  over: boolean;
  /** Who is told what becomes of it; as often as a parent, which may have gone on as new. */
  readonly parents: { readonly seq: number; readonly parent: Running }[];
}

export function simulatedTemporal({
  agenda,
  chance,
  sandbox,
  activitiesOf,
  tell,
}: SimulatedTemporalInput): SimulatedTemporal {
  const byId = new Map<string, Running>();
  const ends = new Map<string, Ended>();
  let runs = 0;
  let workerBack = 0;
  const upAt = (): number => Math.max(agenda.now(), workerBack);
  const lag = (): number => chance.between(1, 30);
  const crew = attempts({ agenda, begins: () => upAt() + lag(), activitiesOf });

  function start(type: string, id: string, args: readonly unknown[], taskQueue = 'keybaton'): 'started' | 'running' {
    if (byId.has(id)) return 'running';
    open(type, id, args, taskQueue, undefined);
    return 'started';
  }

  function open(
    type: string,
    id: string,
    args: readonly unknown[],
    taskQueue: string,
    firstRunId: string | undefined,
    parents: Running['parents'] = [],
  ): Running {
    const runId = `run-${(runs += 1)}`;
    const running: Running = {
      id,
      type,
      firstRunId: firstRunId ?? runId,
      taskQueue,
      timers: new Map(),
      run: undefined,
      jobs: [],
      scheduled: true,
      over: false,
      parents,
    };
    byId.set(id, running);
    agenda.at(upAt() + lag(), `begin ${id}`, async () => {
      if (running.over) return;
      const now = agenda.now();
      const begun = await sandbox.start({
        workflowId: id,
        runId,
        firstRunId: running.firstRunId,
        type,
        args,
        taskQueue,
        now,
        seed: chance.between(1, 2 ** 31 - 1),
      });
      running.run = begun.run;
      running.scheduled = false;
      await obey(running, begun.commands);
      if (running.jobs.length > 0) wakeUp(running);
    });
    return running;
  }

  function deliver(running: Running, job: Job): void {
    if (running.over) return;
    running.jobs.push(job);
    wakeUp(running);
  }

  function wakeUp(running: Running): void {
    if (running.scheduled) return;
    running.scheduled = true;
    agenda.at(upAt() + lag(), `task of ${running.id}`, async () => {
      running.scheduled = false;
      if (running.over || running.run === undefined) return;
      const { jobs } = running;
      running.jobs = [];
      // As the server orders them: messages first.
      const ordered = [...jobs.filter((job) => job.signalWorkflow), ...jobs.filter((job) => !job.signalWorkflow)];
      if (ordered.length > 0) await obey(running, await running.run.activate(agenda.now(), ordered));
    });
  }

  async function obey(running: Running, commands: readonly Command[]): Promise<void> {
    for (const command of commands) {
      if (command.scheduleActivity) schedule(running, command.scheduleActivity);
      else if (command.startTimer) {
        const seq = command.startTimer.seq ?? 0;
        const cancel = agenda.at(agenda.now() + lengthOf(command.startTimer.startToFireTimeout), 'timer', () => {
          running.timers.delete(seq);
          deliver(running, { fireTimer: { seq } });
        });
        running.timers.set(seq, cancel);
      } else if (command.cancelTimer) {
        running.timers.get(command.cancelTimer.seq ?? 0)?.();
        running.timers.delete(command.cancelTimer.seq ?? 0);
      } else if (command.completeWorkflowExecution) {
        await end(running, { kind: 'completed', result: fromPayload(command.completeWorkflowExecution.result) });
      } else if (command.failWorkflowExecution) {
        await end(running, { kind: 'failed', result: command.failWorkflowExecution.failure?.message });
      } else if (command.continueAsNewWorkflowExecution) {
        const again = command.continueAsNewWorkflowExecution;
        // What arrived meanwhile goes to the run that follows, as the server sees to.
        const late = running.jobs.filter((job) => job.signalWorkflow);
        await end(running, undefined);
        const next = open(
          running.type,
          running.id,
          (again.arguments ?? []).map(fromPayload),
          running.taskQueue,
          running.firstRunId,
          running.parents,
        );
        next.jobs.push(...late);
      } else if (command.startChildWorkflowExecution) startChild(running, command.startChildWorkflowExecution);
      else if (command.signalExternalWorkflowExecution) {
        const { seq, workflowExecution, childWorkflowId, signalName, args } = command.signalExternalWorkflowExecution;
        const heard = signal(childWorkflowId ?? workflowExecution?.workflowId ?? '', signalName ?? '', args ?? []);
        deliver(running, {
          resolveSignalExternalWorkflow: heard ? { seq: seq ?? 0 } : { seq: seq ?? 0, failure: notThere },
        });
      } else if (command.setPatchMarker || command.upsertWorkflowSearchAttributes || command.modifyWorkflowProperties) {
        continue;
      } else throw new Error(`the simulation does not know this command: ${Object.keys(command).join(', ')}`);
    }
  }

  async function end(running: Running, ended: Ended | undefined): Promise<void> {
    running.over = true;
    for (const cancel of running.timers.values()) cancel();
    byId.delete(running.id);
    if (ended !== undefined) {
      ends.set(running.id, ended);
      for (const { seq, parent } of running.parents)
        deliver(parent, { resolveChildWorkflowExecution: { seq, result: resultOf(running, ended) } });
      tell(`${running.id} ${ended.kind}: ${JSON.stringify(ended.result)}`);
    }
    await running.run?.dispose();
  }

  function schedule(running: Running, command: NonNullable<Command['scheduleActivity']>): void {
    crew.run(
      command,
      () => running.over,
      (result) => deliver(running, { resolveActivity: { seq: command.seq ?? 0, result } }),
    );
  }

  function startChild(parent: Running, command: NonNullable<Command['startChildWorkflowExecution']>): void {
    const { workflowId, workflowType, taskQueue, input, workflowIdReusePolicy: reuse } = command;
    const [seq, id] = [command.seq ?? 0, workflowId ?? ''];
    const before = ends.get(id);
    const again = before === undefined || (reuse === allowFailed && before.kind !== 'completed');
    if (byId.has(id) || !again)
      return deliver(parent, {
        resolveChildWorkflowExecutionStart: {
          seq,
          failed: { workflowId: id, workflowType: workflowType ?? '', cause: alreadyStarted },
        },
      });
    const args = (input ?? []).map(fromPayload);
    open(workflowType ?? '', id, args, taskQueue ?? '', undefined, [{ seq, parent }]);
    deliver(parent, { resolveChildWorkflowExecutionStart: { seq, succeeded: { runId: `run-${runs}` } } });
  }

  function signal(id: string, name: string, input: readonly Payload[]): boolean {
    const running = byId.get(id);
    if (running === undefined) return false;
    const job: Job = { signalWorkflow: { signalName: name, input: [...input], identity: 'simulation', headers: {} } };
    deliver(running, job);
    if (simulated.duplicates) deliver(running, job);
    return true;
  }

  const simulated: SimulatedTemporal = {
    start,
    duplicates: false,
    signal: (id, name, args) => signal(id, name, args.map(toPayload)),
    terminate(id) {
      const running = byId.get(id);
      if (running !== undefined) void end(running, { kind: 'terminated', result: undefined });
    },
    running: () => [...byId.keys()],
    ended: (id) => ends.get(id),
    crash(downFor) {
      workerBack = agenda.now() + downFor;
      crew.crash();
    },
    freeze(frozenFor) {
      crew.freeze(agenda.now() + frozenFor);
    },
  };
  return simulated;
}

const notThere: Failure = { message: 'there is no such workflow', applicationFailureInfo: { type: 'NotFound' } };

function resultOf(
  { id, type, firstRunId }: Running,
  ended: Ended,
): NonNullable<NonNullable<Job['resolveChildWorkflowExecution']>['result']> {
  if (ended.kind === 'completed') return { completed: { result: toPayload(ended.result) } };
  const cause = { message: `it ended: ${ended.kind}`, terminatedFailureInfo: {} };
  const childWorkflowExecutionFailureInfo = {
    namespace: 'simulation',
    workflowExecution: { workflowId: id, runId: firstRunId },
    workflowType: { name: type },
    retryState: retryState.RETRY_STATE_NON_RETRYABLE_FAILURE,
  };
  return {
    failed: { failure: { message: 'Child Workflow execution failed', cause, childWorkflowExecutionFailureInfo } },
  };
}
