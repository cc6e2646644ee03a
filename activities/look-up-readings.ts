import type { Entry, EntryConsumer } from '../domain/entry.ts';
import { isKeybatonError } from '../domain/errors.ts';
import type { CredentialFacts } from '../domain/facts.ts';
import type { ActivityPorts } from './ports.ts';
import { versionOf } from './world.ts';

type Observed = EntryConsumer & { readonly reader: string };

/** Does anybody's reading have to be looked up? No reading wakes a rotation. */
export function looksUpReadings({ consumers }: Entry): boolean {
  return !('none' in consumers) && consumers.some(isObserved);
}

/**
 * Looks in the trails of the entry's backends for readings of the newest epoch's version by the consumers that must show
 * `observed-read`, and records each once for the epoch. To be called before line 3 of GATE is read. What was withdrawn is not
 * given again by a reading: it may be the one from before. Answers, for people, what could not be looked up.
 */
export async function lookUpReadings(
  ports: Pick<ActivityPorts, 'ledger' | 'readings'>,
  facts: CredentialFacts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { entry, epochs } = facts;
  const [newest, ...older] = epochs;
  const observed = 'none' in entry.consumers ? [] : entry.consumers.filter(isObserved);
  if (newest === undefined || observed.length === 0) return [];
  const shown = (await ports.ledger.evidence(facts.id)).evidence.filter(({ kind }) => kind === 'observed-read');
  const missing = observed.filter(({ name }) => !shown.some(({ consumer }) => consumer === name));
  if (missing.length === 0) return [];
  if (ports.readings === undefined) return ['this process looks up no readings'];
  const about = {
    credential: facts.id,
    epoch: newest.epoch,
    version: newest.version,
    since: versionOf(facts, newest.version).createdAt,
    notBefore: older.some(({ version }) => version === newest.version) ? newest.decidedAt : undefined,
  };
  const troubles: string[] = [];
  for (const backend of new Set(entry.backends.map((place) => place.backend))) {
    const paths = entry.backends.filter((place) => place.backend === backend).map(({ path }) => path);
    try {
      const { readers, troubles: seen } = await ports.readings(backend, { ...about, paths }, signal);
      troubles.push(...seen.map((trouble) => `backend ${backend}: ${trouble}`));
      for (const { name, reader } of missing) {
        const read = readers.get(reader);
        if (read === undefined) continue;
        await ports.ledger.prove({
          credential: facts.id,
          epoch: newest.epoch,
          consumer: name,
          kind: 'observed-read',
          actor: `trail:${backend}`,
          why: `read by ${read.who} at ${new Date(read.at).toISOString()}${read.from === undefined ? '' : ` from ${read.from}`}`,
        });
      }
    } catch (error) {
      if (!isKeybatonError(error)) throw error;
      troubles.push(`readings in backend ${backend} could not be looked up: ${error.message}`);
    }
  }
  return troubles;
}

function isObserved(consumer: EntryConsumer): consumer is Observed {
  return consumer.demand === 'observed-read' && consumer.reader !== undefined;
}
