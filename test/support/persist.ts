import { setTimeout as after } from 'node:timers/promises';
import { codeOf } from '../../domain/errors.ts';

/** Asks again while a server of a busy machine does not answer in the time that people are made to wait. Only for what may be asked twice. */
export async function persist<Answer>(ask: () => Promise<Answer>, within = 60_000): Promise<Answer> {
  for (const began = Date.now(); ; await after(200)) {
    try {
      return await ask();
    } catch (thrown) {
      if (codeOf(thrown) !== 'UNAVAILABLE' || Date.now() - began > within) throw thrown;
    }
  }
}
