import { codeOf } from '../domain/errors.ts';
import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';
import { placesOf, type ActivityPorts, type EntryPlace } from './ports.ts';

/** Where copies of one version lie, or may: what an entry is changed to does not empty the places it named before. */
export interface Copies {
  /** The entry's backends and paths as they are now. */
  readonly kept: readonly EntryPlace[];
  /** Where else the ledger has a copy of it. */
  readonly left: readonly EntryPlace[];
  /** As `left`, in backends that targets.yml no longer has: nobody can look there. */
  readonly outOfReach: readonly { readonly backend: string; readonly path: string }[];
}

export async function copiesOf(ports: ActivityPorts, facts: CredentialFacts, version: VersionFacts): Promise<Copies> {
  const kept = await placesOf(ports, facts.entry);
  const left: EntryPlace[] = [];
  const outOfReach: { backend: string; path: string }[] = [];
  for (const { backend: name, path } of elsewhere(facts, version)) {
    const backend = await ports.backend(name).catch((thrown: unknown) => {
      if (codeOf(thrown) !== 'NOT_FOUND') throw thrown;
      return undefined;
    });
    if (backend === undefined) outOfReach.push({ backend: name, path });
    else left.push({ backend, name, place: { credential: facts.id, path } });
  }
  return { kept, left, outOfReach };
}

/** Places of copies that are not erased, each once, without those that the entry names now. */
function elsewhere(
  facts: CredentialFacts,
  version: VersionFacts,
): readonly { readonly backend: string; readonly path: string }[] {
  const seen = new Set(facts.entry.backends.map(({ backend, path }) => JSON.stringify([backend, path])));
  return version.copies.filter(({ backend, path, gone }) => {
    const key = JSON.stringify([backend, path]);
    if (gone || seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
