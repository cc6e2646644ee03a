import { KeybatonError } from '../../domain/errors.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import type { BackendCall } from '../backend.ts';
import { holdsValue } from '../fields.ts';
import { markOf, type StoredFields } from '../main-place.ts';
import type { KvEngine } from './kv-engine.ts';

/**
 * Destroys every KV version of the main path that holds this version's material: those we promoted, and those in which
 * somebody changed another field and so wrote our old value once more. `value` is undefined when no staged copy is left
 * to compare with; then the mark alone tells. CONFLICT when the newest one holds it: that is what consumers read.
 */
export async function destroyOldCopies(
  engine: KvEngine,
  path: string,
  version: VersionId,
  value: string | undefined,
  call: BackendCall,
): Promise<void> {
  const isCopy = (fields: StoredFields) =>
    markOf(fields)?.version === version || (value !== undefined && holdsValue(fields, value));

  const current = await engine.read(path, call);
  if (current.kind === 'absent') return;
  if (current.kind === 'found' && isCopy(current.fields)) {
    throw new KeybatonError('CONFLICT', `version ${version} is what consumers read now at ${path}`);
  }

  const copies: number[] = [];
  for (const { n, destroyed } of await engine.versions(path, call)) {
    // What was written since we looked may be what consumers read by now.
    if (destroyed || n > current.latest || (current.kind === 'found' && n === current.latest)) continue;
    const read = await engine.read(path, call, n);
    if (read.kind === 'found' ? isCopy(read.fields) : await deletedIsCopy(n)) copies.push(n);
  }
  if (copies.length > 0) await engine.change('destroy', path, copies, call);

  /** A deleted KV version keeps its value and shows it to nobody: it is brought back for one look. */
  async function deletedIsCopy(n: number): Promise<boolean> {
    await engine.change('undelete', path, [n], call);
    const read = await engine.read(path, call, n);
    const copy = read.kind === 'found' && isCopy(read.fields);
    if (!copy) await engine.change('delete', path, [n], call);
    return copy;
  }
}
