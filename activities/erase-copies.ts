import type { VersionId } from '../domain/identifiers.ts';
import { backendCall, backendTimeout } from './calls.ts';
import type { ActivityPorts, EntryPlace } from './ports.ts';

/** Erases every copy of a version that consumers never read. CONFLICT from the backend that shows it as current. */
export async function eraseCopies(
  ports: ActivityPorts,
  places: readonly EntryPlace[],
  version: VersionId,
  signal: AbortSignal,
): Promise<void> {
  for (const at of places) {
    await ports.ledger.intend({ version, effect: 'destroy', place: at.name, within: backendTimeout });
    await at.backend.destroy(at.place, version, backendCall(ports, signal));
    await ports.ledger.destroyed({ version, backend: at.name });
  }
}
