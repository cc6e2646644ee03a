import { setTimeout as wait } from 'node:timers/promises';

export interface PollOptions {
  /** What is waited for, for the message when it does not come. */
  readonly what: string;
  /** Milliseconds until giving up. Generous by default: a busy machine is not a failure. */
  readonly within?: number;
  /** Milliseconds between two looks. */
  readonly every?: number;
}

/**
 * Looks again and again until the answer is neither `undefined` nor `false`.
 * @throws when the condition throws, or has not come true in time
 */
export async function poll<Answer>(
  look: () => Promise<Answer | undefined | false> | Answer | undefined | false,
  { what, within = 30_000, every = 20 }: PollOptions,
): Promise<Answer> {
  for (const started = performance.now(); ; await wait(every)) {
    const answer = await look();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() - started > within) throw new Error(`${what} did not happen within ${within} ms`);
  }
}
