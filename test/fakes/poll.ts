import { setTimeout as sleep } from 'node:timers/promises';

/** Asks until the answer is one the caller wants; the patience is for a machine under load, never a measure. */
export async function eventually<Answer>(
  ask: () => Promise<Answer>,
  wanted: (answer: Answer) => boolean,
  patience = 20_000,
): Promise<Answer> {
  const until = Date.now() + patience;
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    if (Date.now() > until) throw new Error(`the condition did not come true; last answer: ${JSON.stringify(answer)}`);
    await sleep(20);
  }
}
