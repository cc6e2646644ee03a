import { importVersion } from '../activities/import-version.ts';
import type { ActivityPorts } from '../activities/ports.ts';
import { supplyVersion } from '../activities/supply-version.ts';
import type { Supplies } from '../control/ports.ts';
import { KeybatonError, isKeybatonError } from '../domain/errors.ts';

/** Longest time for all calls of one supply or import together, in milliseconds. */
const patience = 60_000;

/** What people hand over. What leaves here in an error is a code and our own words: no cause, nothing of an adapter's. */
export function openSupplies(ports: ActivityPorts): Supplies {
  const bounded = (): AbortSignal => AbortSignal.timeout(patience);
  return {
    supply: (credential, material, actor) =>
      scrubbed(() => supplyVersion(ports, { credential, material, actor }, bounded())),
    import: (input) => scrubbed(() => importVersion(ports, input, bounded())),
  };
}

async function scrubbed<Answer>(run: () => Promise<Answer>): Promise<Answer> {
  try {
    return await run();
  } catch (thrown) {
    if (!isKeybatonError(thrown))
      throw new KeybatonError('UNAVAILABLE', 'an adapter threw something that is not a keybaton error');
    throw new KeybatonError(
      thrown.code,
      thrown.message,
      thrown.retryAfter === undefined ? {} : { retryAfter: thrown.retryAfter },
    );
  }
}
