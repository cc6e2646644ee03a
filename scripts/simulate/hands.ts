import type { InMemoryWorld } from '../../backends/in-memory/world.ts';
import { epochField, versionField, type StoredFields } from '../../backends/main-place.ts';

/** What somebody writes by hand at the place that consumers read. */
export type Written =
  /** Another value where ours stood, or before ours ever stood there. */
  | 'value'
  /** A mark that names no version. */
  | 'mark'
  /** What stood there once, as from a backup. */
  | 'older'
  /** A field of their own beside ours. */
  | 'note';

/** People who write into stores past keybaton, and set right again what they wrote. */
export interface Hands {
  write(backend: number, what: Written, now: number): void;
  /** As the alarm asks for: what stood there before, or nothing where no copy of it is left. */
  restore(backend: number): void;
  /** What was written by hand stands there, since then; undefined: nothing is. */
  stands(backend: number): { readonly what: Written; readonly since: number } | undefined;
  /** What is wrong with what stands there now; asked after every event. */
  wrong(backend: number): string | undefined;
}

const fieldsOfOurs = ['api_key', versionField, epochField];

export function handsIn(backends: readonly InMemoryWorld[], path: string): Hands {
  interface Standing {
    readonly what: Written;
    readonly since: number;
    readonly fields: StoredFields;
    readonly before: StoredFields | undefined;
  }
  const standing = new Map<number, Standing>();
  const notes = new Map<number, string>();

  const mainOf = (index: number): StoredFields => backends[index]?.main(path) ?? {};
  const ours = (fields: StoredFields): StoredFields =>
    Object.fromEntries(fieldsOfOurs.flatMap((name) => (name in fields ? [[name, fields[name]]] : [])));
  const same = (one: StoredFields, other: StoredFields): boolean =>
    fieldsOfOurs.every((name) => one[name] === other[name]);

  function fieldsFor(index: number, what: 'value' | 'mark' | 'older'): StoredFields | undefined {
    const main = mainOf(index);
    if (what === 'value') return { api_key: 'written by hand' };
    if (main[versionField] === undefined) return undefined;
    if (what === 'mark') return { [versionField]: 'written-by-hand' };
    const generations = backends[index]?.shelf(path).generations ?? [];
    const older = generations.findLast((one) => one[versionField] !== main[versionField] && versionField in one);
    return older === undefined ? undefined : ours(older);
  }

  return {
    write(backend, what, now) {
      if (what === 'note') {
        const note = `note ${now}`;
        notes.set(backend, note);
        backends[backend]?.writeByHand(path, { note });
        return;
      }
      const written = standing.has(backend) ? undefined : fieldsFor(backend, what);
      if (written === undefined) return;
      const main = mainOf(backend);
      const before = versionField in main ? ours(main) : undefined;
      backends[backend]?.writeByHand(path, written);
      standing.set(backend, { what, since: now, fields: ours(mainOf(backend)), before });
    },
    restore(backend) {
      const found = standing.get(backend);
      if (found === undefined) return;
      standing.delete(backend);
      const shelf = backends[backend]?.shelf(path);
      const kept = [...(shelf?.staged.keys() ?? [])].some((version) => version === found.before?.[versionField]);
      const others = Object.entries(mainOf(backend)).filter(([name]) => !fieldsOfOurs.includes(name));
      shelf?.generations.push({ ...Object.fromEntries(others), ...(kept ? found.before : {}) });
    },
    stands: (backend) => standing.get(backend),
    wrong(backend) {
      const main = mainOf(backend);
      const note = notes.get(backend);
      if (note !== undefined && main['note'] !== note) return 'a field of somebody else was not carried over';
      const found = standing.get(backend);
      if (found === undefined || same(found.fields, main)) return undefined;
      // What keybaton itself wrote once it may put right by itself.
      if (found.what !== 'older') return `what somebody wrote there (a ${found.what}) was overwritten`;
      standing.delete(backend);
      return undefined;
    },
  };
}
