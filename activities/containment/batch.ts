import { KeybatonError } from '../../domain/errors.ts';
import type { Trouble } from '../../domain/incident.ts';
import type { Call } from '../../providers/provider.ts';
import { providerCall } from '../calls.ts';
import type { BoundProvider } from '../ports.ts';
import type { ContainmentPorts } from './ports.ts';
import { troubleOf } from './trouble.ts';
import { openRests } from './rests.ts';
import { inTurn } from './turns.ts';

/** Longest time one batch takes, milliseconds: well inside its activity's 20 s. */
export const batchTime = 15_000;
/** Keys of one target that are worked on side by side. */
const side = 10;
/** An adapter that does not stop when its call is over is left behind after so many milliseconds more. */
const grace = 500;

export type Tried<Answer> = { readonly answer: Answer } | { readonly trouble: Trouble };

/** One target's keys, handled within one budget of time. Nothing here throws for a single key. */
export interface Batch {
  /** Milliseconds left of the budget. */
  left(): number;
  /**
   * One call of administration, in its turn where the target has a rate, and again after a short rest that the provider
   * asks for. `not tried` in its trouble's text: it asked for a longer one, or the time was up before it.
   */
  attempt<Answer>(act: (call: Call) => Promise<Answer>): Promise<Tried<Answer>>;
  /** One call with a key's own value, which providers count apart. */
  ask<Answer>(act: (call: Call) => Promise<Answer>): Promise<Tried<Answer>>;
  each<One>(ones: readonly One[], work: (one: One) => Promise<void>): Promise<void>;
}

export function openBatch(ports: ContainmentPorts, provider: BoundProvider, signal: AbortSignal): Batch {
  const { callTimeout } = provider.traits;
  const until = ports.now() + batchTime;
  let asked: Trouble | undefined;

  const left = (): number => Math.max(0, until - ports.now());
  const rests = openRests(ports, provider.target, { left, over: () => (asked = undefined) }, signal);

  function stopped(): Trouble | undefined {
    if (asked !== undefined) return { ...asked, why: `not tried: ${asked.why}` };
    if (!signal.aborted && left() > grace) return undefined;
    return { code: 'UNAVAILABLE', why: 'not tried: the time of this batch was up', againIn: 0, person: false };
  }

  async function ask<Answer>(act: (call: Call) => Promise<Answer>): Promise<Tried<Answer>> {
    const before = stopped();
    if (before !== undefined) return { trouble: before };
    const call = providerCall(ports, Math.floor(Math.min(callTimeout, left() - grace)), signal);
    try {
      return { answer: await inTime(ports, call, act(call)) };
    } catch (thrown) {
      const trouble = troubleOf(thrown);
      // Every further call would only make the provider ask for more patience.
      if (trouble.code === 'RATE_LIMITED') asked = trouble;
      return { trouble };
    }
  }

  return {
    left,
    ask,
    async attempt(act) {
      for (;;) {
        await rests.now();
        if (stopped() === undefined) await inTurn(ports, provider, left(), signal);
        const tried = await ask(act);
        if ('answer' in tried || tried.trouble.code !== 'RATE_LIMITED') return tried;
        if (!(await rests.sitOut(tried.trouble.againIn))) return tried;
      }
    },
    async each(ones, work) {
      const waiting = ones.values();
      // All take from one iterator, so that a slow key holds up nobody but its own lane.
      const lane = async (): Promise<void> => {
        for (const one of waiting) await work(one);
      };
      await Promise.all(Array.from({ length: Math.min(side, ones.length) }, lane));
    },
  };
}

/** An adapter that ignores its signal may have done anything. */
async function inTime<Answer>(ports: ContainmentPorts, call: Call, asked: Promise<Answer>): Promise<Answer> {
  const answered = new AbortController();
  const givenUp = async (): Promise<never> => {
    await new Promise<void>((resolve) => {
      if (call.signal.aborted) resolve();
      call.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await ports.sleep(grace, answered.signal);
    throw new KeybatonError('AMBIGUOUS', 'the provider did not answer in time');
  };
  const late = givenUp();
  late.catch(() => undefined);
  try {
    return await Promise.race([asked, late]);
  } finally {
    answered.abort();
  }
}
