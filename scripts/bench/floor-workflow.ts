import { condition, defineSignal, patched, proxyActivities, setHandler } from '@temporalio/workflow';

/** What the do-nothing workflow imitates of a rotation: as many activities, with as much said to and by them. */
export interface FloorInput {
  readonly activities: number;
  /** Waits to be woken after this many of them. */
  readonly wokenAfter: number;
  /** Notes that it took a way that older histories do not know, as a rotation does. */
  readonly patched: boolean;
  /** As long as what an activity of a rotation is given, and answers. */
  readonly given: string;
  readonly answers: string;
}

export const wakeFloor = defineSignal('wake');

// The options of a rotation's effects (workflows/effects.ts).
const { nothing } = proxyActivities<{ nothing(given: string, answers: string): Promise<string> }>({
  startToCloseTimeout: '20 s',
  heartbeatTimeout: '5 s',
  retry: { maximumAttempts: 3, initialInterval: '500 ms', backoffCoefficient: 2 },
});

/** As many events as a rotation, and nothing done: the floor under every rotation on this server. */
export async function floor({ activities, wokenAfter, given, answers, ...input }: FloorInput): Promise<void> {
  if (input.patched) patched('as-a-rotation');
  let woken = 0;
  setHandler(wakeFloor, () => void (woken += 1));
  for (let index = 1; index <= activities; index += 1) {
    await nothing(given, answers);
    if (index === wokenAfter) await condition(() => woken > 0, 60_000);
  }
}
