import type { Entry } from '../domain/entry.ts';
import type { CredentialId } from '../domain/identifiers.ts';

/** What changes for one credential, value by value. An entry holds no secret. */
export interface EntryDifference {
  readonly id: CredentialId;
  readonly kind: 'added' | 'changed' | 'renamed' | 'retired';
  /** The id before, when renamed. */
  readonly from: CredentialId | undefined;
  readonly changes: readonly ValueChange[];
}

export interface ValueChange {
  readonly path: string;
  /** Undefined: was not there. */
  readonly before: unknown;
  readonly after: unknown;
}

/** From the entries as applied to the entries as they would be, both of the same teams. Pure; in id order. */
export function diffInventory(before: readonly Entry[], after: readonly Entry[]): readonly EntryDifference[] {
  const old = new Map(before.map((entry) => [entry.id, entry]));
  const kept = new Set<CredentialId>();
  const differences = after.flatMap((entry): readonly EntryDifference[] => {
    const same = old.get(entry.id);
    const moved = entry.movedFrom === undefined ? undefined : old.get(entry.movedFrom);
    const origin = same ?? moved;
    if (origin === undefined) return [{ id: entry.id, kind: 'added', from: undefined, changes: [] }];
    kept.add(origin.id);
    const changes = changesBetween(origin, entry, '');
    if (origin.id !== entry.id)
      return [{ id: entry.id, kind: 'renamed', from: origin.id, changes: changes.filter(({ path }) => path !== 'id') }];
    return changes.length === 0 ? [] : [{ id: entry.id, kind: 'changed', from: undefined, changes }];
  });
  const retired = before
    .filter(({ id }) => !kept.has(id))
    .map(({ id }): EntryDifference => ({ id, kind: 'retired', from: undefined, changes: [] }));
  return [...differences, ...retired].sort((one, other) => (one.id < other.id ? -1 : 1));
}

function changesBetween(before: unknown, after: unknown, path: string): readonly ValueChange[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (!isObject(before) || !isObject(after) || Array.isArray(before) !== Array.isArray(after))
    return [{ path, before, after }];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) => {
    const part = Array.isArray(after) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    return changesBetween(before[key], after[key], part);
  });
}

// Arrays are read by their positions as keys.
const isObject = (thing: unknown): thing is Readonly<Record<string, unknown>> =>
  typeof thing === 'object' && thing !== null;
