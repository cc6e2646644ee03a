import { codeOf, isKeybatonError, KeybatonError } from '../../domain/errors.ts';

/**
 * Waits no longer than this, in milliseconds. UNAVAILABLE, naming what did not answer, after it; what was begun goes on
 * and nobody waits for it any more.
 */
export async function within<Value>(what: string, milliseconds: number, begun: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new KeybatonError('UNAVAILABLE', `${what} did not answer within ${milliseconds / 1_000} s`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([begun, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Only our own errors have a message that is fit to be shown. */
export function told(thrown: unknown): string {
  return isKeybatonError(thrown) ? thrown.message : `something failed inside keybaton (${codeOf(thrown)})`;
}
