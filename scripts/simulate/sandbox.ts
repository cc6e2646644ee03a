/**
 * The real workflow bundle in the SDK's own workflow sandbox, driven by hand: no server and no native worker; clock and
 * randomness are given. The only file that knows insides of the SDK: those of @temporalio/worker 1.24.
 */
import { readFileSync } from 'node:fs';
import vm from 'node:vm';
import { defaultFailureConverter, defaultPayloadConverter, TypedSearchAttributes } from '@temporalio/common';
import { msNumberToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import type { coresdk, temporal } from '@temporalio/proto';
import { ReusableVMWorkflowCreator } from '@temporalio/worker/lib/workflow/reusable-vm.js';
import type { WorkflowInfo } from '@temporalio/workflow';

export type Command = coresdk.workflow_commands.IWorkflowCommand;
export type Job = coresdk.workflow_activation.IWorkflowActivationJob;
export type Payload = temporal.api.common.v1.IPayload;
export type Failure = temporal.api.failure.v1.IFailure;

export interface Start {
  readonly workflowId: string;
  readonly runId: string;
  readonly firstRunId: string;
  readonly type: string;
  readonly args: readonly unknown[];
  readonly taskQueue: string;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly seed: number;
}

/** One run of a workflow, kept apart from the others as the SDK does by default: one context, their globals exchanged. */
export interface SandboxedRun {
  /** Hands jobs to the workflow at a moment and answers the commands it then gives. @throws what failed its task. */
  activate(now: number, jobs: readonly Job[]): Promise<readonly Command[]>;
  dispose(): Promise<void>;
}

export interface Sandbox {
  start(start: Start): Promise<{ readonly run: SandboxedRun; readonly commands: readonly Command[] }>;
}

export const timestamp = (milliseconds: number): ReturnType<typeof msNumberToTs> => msNumberToTs(milliseconds);

/** A length of time in a command, in milliseconds. */
export function lengthOf(duration: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  return Number(duration?.seconds ?? 0) * 1_000 + Math.round((duration?.nanos ?? 0) / 1_000_000);
}

export const toPayload = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);
export const fromPayload = (payload: Payload | null | undefined): unknown =>
  payload === null || payload === undefined ? undefined : defaultPayloadConverter.fromPayload(payload);
export const toFailure = (thrown: unknown): Failure =>
  defaultFailureConverter.errorToFailure(thrown, defaultPayloadConverter);
export const fromFailure = (failure: Failure): Error =>
  defaultFailureConverter.failureToError(failure, defaultPayloadConverter);

/** Retry state and time-out kind as the protocol numbers them. */
export const retryState = proto.temporal.api.enums.v1.RetryState;
export const timeoutType = proto.temporal.api.enums.v1.TimeoutType;
export const allowFailed =
  proto.temporal.api.enums.v1.WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY;
export const alreadyStarted =
  proto.coresdk.child_workflow.StartChildWorkflowExecutionFailedCause
    .START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS;

type CallInside = (activator: object, name: string | symbol, args: readonly unknown[]) => unknown;
const callScript = `(activator, name, args) => {
  globalThis.__TEMPORAL_ACTIVATOR__ = activator;
  return __TEMPORAL__.api[name](...args);
}`;

/** Node looks at each use of a global of the contexts that the SDK asks for, so that others may watch them: here nobody does. */
function inOrdinaryContext<Made>(make: () => Made): Made {
  const { createContext } = vm;
  try {
    vm.createContext = (_watched, options) => createContext(vm.constants.DONT_CONTEXTIFY, options);
    return make();
  } finally {
    vm.createContext = createContext;
  }
}

export async function openSandbox(codePath: string): Promise<Sandbox> {
  // Without its source map, which is most of it.
  const code = readFileSync(codePath, 'utf8').replace(/^\/\/# sourceMappingURL=.*$/m, '');
  // Without the global hooks that `create` installs: they trace every promise of the process, and are slow.
  const creator = inOrdinaryContext(
    () =>
      new ReusableVMWorkflowCreator(
        new vm.Script(code, { filename: codePath }),
        { code, filename: codePath, sourceMap: { version: 3, sources: [], names: [], mappings: '', file: '' } },
        // No time-out: Node starts a thread to watch each call that has one.
        undefined as never,
        // Which names exist is asked where an activity is run.
        new Set(),
      ),
  );
  const context = Reflect.get(creator, 'context') as vm.Context;
  // Before any workflow runs, so that all share what they import: nothing of it is ever changed.
  vm.runInContext('__TEMPORAL__.importWorkflows()', context);
  const call = vm.runInContext(callScript, context) as CallInside;
  const microtasks = new vm.Script('undefined');
  /**
   * The SDK's own way in exchanges all globals of the context whenever another workflow has its turn; what ours differ in
   * is the activator alone.
   */
  const moduleOf = (activator: object): object =>
    new Proxy(
      {},
      {
        get:
          (_, name) =>
          (...args: readonly unknown[]): unknown => {
            const answer = call(activator, name, args);
            // Its promises have a queue of their own, which is worked off after a script.
            microtasks.runInContext(context);
            return answer;
          },
      },
    );
  return {
    async start({ workflowId, runId, firstRunId, type, args, taskQueue, now, seed }) {
      const startTime = new Date(now);
      const info = {
        workflowId,
        runId,
        workflowType: type,
        searchAttributes: {},
        typedSearchAttributes: new TypedSearchAttributes(),
        taskQueue,
        namespace: 'simulation',
        firstExecutionRunId: firstRunId,
        originalExecutionRunId: runId,
        startTime,
        runStartTime: startTime,
        taskTimeoutMs: 10_000,
        attempt: 1,
        historyLength: 3,
        historySize: 0,
        continueAsNewSuggested: false,
        targetWorkerDeploymentVersionChanged: false,
        suggestedContinueAsNewReasons: [],
        currentBuildId: '',
        unsafe: { now: () => now, isReplaying: false, isReplayingHistoryEvents: false },
        priority: {},
      } as unknown as WorkflowInfo; // the rest is written by the SDK itself when it activates
      const workflow = await creator.createWorkflow({
        info,
        randomnessSeed: [seed & 255, (seed >> 8) & 255, (seed >> 16) & 255, (seed >> 24) & 255],
        now,
        showStackTraceSources: false,
      });
      Reflect.set(workflow, 'workflowModule', moduleOf(Reflect.get(workflow, 'activator') as object));
      const run: SandboxedRun = {
        async activate(at, jobs) {
          const completion = await workflow.activate({
            runId,
            timestamp: timestamp(at),
            isReplaying: false,
            historyLength: 3,
            historySizeBytes: { toNumber: () => 0 } as never,
            availableInternalFlags: [1, 2, 3, 4, 5],
            jobs: [...jobs],
          });
          await workflow.getAndResetSinkCalls();
          if (completion.failed !== null && completion.failed !== undefined)
            throw new Error(`a task of ${workflowId} failed: ${completion.failed.failure?.message ?? 'no message'}`);
          return completion.successful?.commands ?? [];
        },
        dispose: () => workflow.dispose(),
      };
      const commands = await run.activate(now, [
        {
          initializeWorkflow: {
            workflowType: type,
            workflowId,
            arguments: args.map(toPayload),
            randomnessSeed: { toBytes: () => [seed & 255] } as never,
            headers: {},
            firstExecutionRunId: firstRunId,
            attempt: 1,
            startTime: timestamp(now),
          },
        },
      ]);
      return { run, commands };
    },
  };
}
