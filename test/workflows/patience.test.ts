import { ApplicationFailure } from '@temporalio/common';
import { beforeAll, describe, expect, it } from 'vitest';
import { defaultPace, type RotationInput } from '../../domain/rotation.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import {
  lengthOf,
  openSandbox,
  retryState,
  toFailure,
  toPayload,
  type Command,
  type Job,
  type Sandbox,
} from '../../scripts/simulate/sandbox.ts';
import { workflowBundle } from '../../worker/workflow-bundle.ts';

/** The workflow alone: what it asks for is answered here, and the clock is ours. */
describe('a rotation that its provider turns away', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await openSandbox((await workflowBundle()).codePath);
  }, 120_000);

  const start = 1_800_000_000_000;
  /** As its provider said it: 64 s. */
  const asked = 64_000;

  const job = (activity: number): Job => ({
    resolveActivity: {
      seq: activity,
      result: {
        failed: {
          failure: {
            message: 'activity failed',
            activityFailureInfo: {
              activityType: { name: 'planRotation' },
              activityId: `${activity}`,
              retryState: retryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED,
            },
            cause: toFailure(
              ApplicationFailure.create({ type: 'RATE_LIMITED', message: 'too many requests', details: [asked] }),
            ),
          },
        },
      },
    },
  });

  const scheduled = (commands: readonly Command[]): number =>
    commands.flatMap(({ scheduleActivity }) => scheduleActivity?.seq ?? [])[0] ?? -1;

  /** How long it waits after each of `times` refusals, milliseconds. */
  async function waits(name: string, seed: number, times: number): Promise<readonly number[]> {
    const input: RotationInput = {
      credential: parseCredentialId(`openai/prod/${name}`),
      reason: 'incident',
      actor: 'test',
      rehearse: false,
      pace: defaultPace,
    };
    const opened = await sandbox.start({
      workflowId: `rotation/${input.credential}`,
      runId: `run-of-${name}`,
      firstRunId: `run-of-${name}`,
      type: 'rotateCredential',
      args: [input],
      taskQueue: 'keybaton',
      now: start,
      seed,
    });
    const { run } = opened;
    const compromised = [toPayload({ incident: 'i', compromised: ['kbaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'] })];
    let now = start;
    // What leaked is owed: no refusal ends such a run.
    let activity = scheduled([
      ...opened.commands,
      ...(await run.activate(now, [{ signalWorkflow: { signalName: 'escalate', input: compromised, headers: {} } }])),
    ]);
    const found: number[] = [];
    for (let refusals = 0; found.length < times && refusals < times + 2; refusals += 1) {
      const commands = await run.activate(now, [job(activity)]);
      const timer = commands.find((command) => command.startTimer)?.startTimer;
      if (timer === undefined || timer === null) {
        // The first plan was asked for before the run heard of the leak.
        activity = scheduled(commands);
        continue;
      }
      found.push(lengthOf(timer.startToFireTimeout));
      now += found.at(-1) ?? 0;
      activity = scheduled(await run.activate(now, [{ fireTimer: { seq: timer.seq ?? 0 } }]));
    }
    await run.dispose();
    return found;
  }

  it('comes back at a time of its own: two that were refused together do not meet again', async () => {
    const [one, other] = [await waits('one', 1, 6), await waits('other', 2, 6)];
    expect([one.length, other.length]).toEqual([6, 6]);
    const apart = one.map((wait, index) => Math.abs(wait - (other[index] ?? 0)));
    expect(apart.filter((distance) => distance < 100)).toEqual([]);
  });

  it('never comes back before the time that the provider named, nor long after it', async () => {
    for (const wait of await waits('patient', 3, 6)) {
      expect(wait).toBeGreaterThanOrEqual(asked);
      expect(wait).toBeLessThanOrEqual(asked * 1.5);
    }
  });

  it('waits as long as before when the same run is told the same again', async () => {
    expect(await waits('same', 4, 3)).toEqual(await waits('same', 4, 3));
  });
});
