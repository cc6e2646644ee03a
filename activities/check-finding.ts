import { formatDuration } from '../domain/duration.ts';
import { isKeybatonError, KeybatonError, type ErrorCode } from '../domain/errors.ts';

/** One finding of a check. `remedy` says what a person can do; undefined when nothing is to be done. */
export interface CheckFinding {
  readonly subject: string;
  readonly verdict: 'ok' | 'warning' | 'failure' | 'cannot tell';
  readonly text: string;
  readonly remedy?: string;
}

type Findings = CheckFinding | readonly CheckFinding[];

/**
 * Runs one check for at most `limit` milliseconds. Whatever it throws becomes a finding of its own, in our own words:
 * one failing check hides no other, and no adapter speaks through it.
 */
export async function checked(
  subject: string,
  limit: number,
  signal: AbortSignal,
  check: (signal: AbortSignal) => Promise<Findings>,
): Promise<readonly CheckFinding[]> {
  try {
    const found = await within(limit, signal, check);
    return isList(found) ? found : [found];
  } catch (thrown) {
    return [troubleFinding(subject, thrown)];
  }
}

export function troubleFinding(subject: string, thrown: unknown): CheckFinding {
  if (!isKeybatonError(thrown)) {
    const text = 'an adapter threw something that is not a keybaton error; what it said is not shown';
    return { subject, verdict: 'failure', text, remedy: 'report it to whoever maintains the adapter' };
  }
  return { subject, verdict: 'failure', text: thrown.message, remedy: remedies[thrown.code] };
}

/** Gives up waiting after `limit`, also for an adapter that ignores its signal. UNAVAILABLE then. */
export async function within<Answer>(
  limit: number,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const gaveUp = Promise.withResolvers<never>();
  const inner = new AbortController();
  const stop = (why: string) => (): void => {
    inner.abort();
    gaveUp.reject(new KeybatonError('UNAVAILABLE', why));
  };
  const timer = setTimeout(stop(`no answer within ${formatDuration(limit)}`), limit);
  const cancelled = stop('the check was cancelled');
  signal.addEventListener('abort', cancelled, { once: true });
  if (signal.aborted) cancelled();
  try {
    return await Promise.race([run(inner.signal), gaveUp.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancelled);
  }
}

const isList = (found: Findings): found is readonly CheckFinding[] => Array.isArray(found);

const remedies: Readonly<Record<ErrorCode, string>> = {
  INVALID_CONFIG: 'correct the setting it names in targets.yml or the inventory, and apply again',
  ACCESS_DENIED: 'look at the admin reference in targets.yml, and at what that admin may do over there',
  NOT_FOUND: 'look at the name or reference it gives, in targets.yml and over there',
  CONFLICT: 'look at what stands over there: somebody or something else has changed it',
  CAPACITY_EXHAUSTED: 'make room over there, or wait until an older version has died',
  UNSUPPORTED: 'the other side has no such ability: a person must do it there',
  VERIFICATION_FAILED: 'look at what was checked: it is not what it should be',
  RATE_LIMITED: 'wait, then check again; lower the rate limit of the target if it happens often',
  UNAVAILABLE: 'look whether it runs, is unsealed and can be reached from here, then check again',
  AMBIGUOUS: 'check again: the call may have happened',
};
