import { KeybatonError } from '../domain/errors.ts';
import type { VersionId } from '../domain/identifiers.ts';
import { backendCall, backendTimeout } from './calls.ts';
import type { ActivityPorts, EntryPlace } from './ports.ts';
import { describeAt } from './world.ts';

/**
 * Puts an imported version at one main place under our mark, over the same value written there by hand. Already so is
 * success. CONFLICT when a later epoch or another value stands there: that is never overwritten.
 */
export async function takeOver(
  ports: ActivityPorts,
  at: EntryPlace,
  version: VersionId,
  epoch: number,
  signal: AbortSignal,
): Promise<void> {
  const { main } = await describeAt(ports, at, signal);
  const stands = main.kind === 'ours' && main.version === version && main.epoch === epoch;
  if (!stands) {
    await ports.ledger.intend({ version, effect: 'promote', place: at.name, epoch, within: backendTimeout });
    const expected = main.kind === 'ours' ? main.version : undefined;
    await at.backend.promote(
      at.place,
      { version, epoch, expected, ...(main.kind === 'foreign' ? { overwriteForeign: 'same value' } : {}) },
      backendCall(ports, signal),
    );
    const after = (await describeAt(ports, at, signal)).main;
    if (after.kind !== 'unknown' && !(after.kind === 'ours' && after.version === version && after.epoch === epoch))
      throw new KeybatonError(
        'CONFLICT',
        `backend ${at.name} was written by somebody else meanwhile: run the same import again`,
      );
  }
  await ports.ledger.promoted({ version, epoch, backend: at.name, path: at.place.path });
}
