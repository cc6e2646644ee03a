import type { Envelope, MainPlace } from '../backends/backend.ts';
import type { Entry } from '../domain/entry.ts';
import { KeybatonError } from '../domain/errors.ts';
import type { VersionId } from '../domain/identifiers.ts';
import { placesOf, type ActivityPorts, type EntryPlace } from './ports.ts';
import { stagedEnvelope } from './world.ts';

/** What a promotion takes along into a backend that cannot be read: the envelope, from one that can. NOT_FOUND where none has it. */
export async function envelopeFor(
  ports: ActivityPorts,
  at: EntryPlace,
  entry: Entry,
  version: VersionId,
  signal: AbortSignal,
): Promise<{ readonly envelope?: Envelope }> {
  if (at.backend.readable) return {};
  const envelope = await stagedEnvelope(ports, await placesOf(ports, entry), version, signal);
  if (envelope !== 'absent') return { envelope };
  throw new KeybatonError(
    'NOT_FOUND',
    `backend ${at.name} can only be written to, and no other backend of the entry holds the value of version ${version}`,
  );
}

/** The version of ours that a promotion replaces, as far as the backend tells. */
export function replacedIn(main: MainPlace): VersionId | undefined {
  if (main.kind === 'unknown') return main.wrote?.version;
  return main.kind === 'ours' ? main.version : undefined;
}
