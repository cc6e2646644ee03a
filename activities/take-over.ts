import { KeybatonError } from '../domain/errors.ts';
import type { VersionId } from '../domain/identifiers.ts';
import { backendCall, backendTimeout } from './calls.ts';
import type { ActivityPorts, EntryPlace } from './ports.ts';
import { describeAt } from './world.ts';
import { envelopeFor, replacedIn } from './write-only.ts';

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
    const along = await envelopeFor(ports, at, (await ports.ledger.facts(at.place.credential)).entry, version, signal);
    // Of what cannot be read nobody can say that it is the same value: whoever imports says so.
    const overwriteForeign = main.kind === 'unknown' ? true : ('same value' as const);
    await at.backend.promote(
      at.place,
      {
        version,
        epoch,
        expected: replacedIn(main),
        ...along,
        ...(main.kind === 'foreign' || main.kind === 'unknown' ? { overwriteForeign } : {}),
      },
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
