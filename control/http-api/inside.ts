import { isKeybatonError, KeybatonError } from '../../domain/errors.ts';
import type { RequestLog } from './request-log.ts';

/**
 * Runs what may fail for reasons of our own: a wrong key or file mode here is nothing the caller can mend, and its text
 * may name our paths. Such an error is logged by its code and answered as UNAVAILABLE; the others pass.
 */
export async function inside<Answer>(log: RequestLog, what: string, run: () => Promise<Answer>): Promise<Answer> {
  try {
    return await run();
  } catch (error) {
    const ours = isKeybatonError(error) && !ownTrouble.includes(error.code);
    if (ours) throw error;
    log.trouble(what, isKeybatonError(error) ? error.code : 'UNAVAILABLE');
    throw new KeybatonError(
      'UNAVAILABLE',
      `${what}: its operator can see why in the log and with \`keybaton doctor\``,
      {
        cause: error,
        retryAfter: 10_000,
      },
    );
  }
}

const ownTrouble = ['INVALID_CONFIG', 'VERIFICATION_FAILED', 'UNSUPPORTED'];
