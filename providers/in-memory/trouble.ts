import { KeybatonError } from '../../domain/errors.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import type { Call } from '../provider.ts';
import type { World } from './world.ts';

export type Operation =
  | 'preflight'
  | 'issue'
  | 'verify'
  | 'revoke'
  | 'list'
  | 'recover'
  | 'suspend'
  | 'resume'
  | 'usage'
  | 'adopt'
  | 'endSessions'
  | 'extend';

/** Scripted trouble: plain JSON in the world, so that one process can script it for another. Used up one call at a time. */
export interface Trouble {
  readonly on: Operation | 'any';
  readonly what: Mischief;
  /** Calls it still spoils. */
  times: number;
}

export type Mischief =
  /** Fails with this code before anything happened: `ACCESS_DENIED` is a refused admin credential. */
  | { readonly kind: 'fail'; readonly code: ErrorCode }
  /** The effect happens, the answer is lost. */
  | { readonly kind: 'lose-answer' }
  /** The create is accepted, times out, and appears only after so many milliseconds. */
  | { readonly kind: 'late-create'; readonly delay: number }
  /** Answers nothing until the caller gives up. */
  | { readonly kind: 'hang'; readonly when: 'before' | 'after' }
  /** What a badly written adapter does: a secret in what it throws. Breaks the contract on purpose, for tests of the scrubbing above. */
  | { readonly kind: 'leak'; readonly how: 'message' | 'cause' | 'non-error' | 'parse-error' };

export function scriptTrouble(world: World, on: Operation | 'any', what: Mischief, times = 1): void {
  world.change((state) => state.troubles.push({ on, what, times }));
}

/** The mischief this call meets, if any. */
export function takeTrouble(world: World, operation: Operation): Mischief | undefined {
  return world.change((state) => {
    const trouble = state.troubles.find((one) => one.on === operation || one.on === 'any');
    if (trouble === undefined) return undefined;
    trouble.times -= 1;
    state.troubles = state.troubles.filter((one) => one.times > 0);
    return trouble.what;
  });
}

export async function troubleBefore(what: Mischief | undefined, call: Call): Promise<void> {
  if (what?.kind === 'fail') throw new KeybatonError(what.code, 'the world was told to fail here');
  if (what?.kind !== 'hang' || what.when !== 'before') return;
  await untilGivenUp(call);
  throw new KeybatonError('UNAVAILABLE', 'the world did not answer');
}

export async function troubleAfter(what: Mischief | undefined, call: Call, secret: string): Promise<void> {
  if (what?.kind === 'lose-answer') throw new KeybatonError('AMBIGUOUS', 'the answer was lost');
  if (what?.kind === 'late-create') throw new KeybatonError('AMBIGUOUS', 'the create timed out');
  if (what?.kind === 'leak') throw leaking(what.how, secret);
  if (what?.kind !== 'hang' || what.when !== 'after') return;
  await untilGivenUp(call);
  throw new KeybatonError('AMBIGUOUS', 'the world did not answer in time');
}

function leaking(how: 'message' | 'cause' | 'non-error' | 'parse-error', secret: string): unknown {
  if (how === 'message') return new Error(`request failed: Authorization: Bearer ${secret}`);
  if (how === 'cause') return new KeybatonError('UNAVAILABLE', 'the request failed', { cause: new Error(secret) });
  if (how === 'non-error') return { status: 500, config: { headers: { authorization: `Bearer ${secret}` } } };
  return new SyntaxError(`Unexpected token in JSON: {"api_key":"${secret}"`);
}

/** What Node's timers can hold, about 24 days. */
const longestTimer = 2 ** 31 - 1;

function untilGivenUp(call: Call): Promise<void> {
  const signal = AbortSignal.any([
    call.signal,
    AbortSignal.timeout(Math.min(Math.max(1, call.deadline - call.now()), longestTimer)),
  ]);
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
