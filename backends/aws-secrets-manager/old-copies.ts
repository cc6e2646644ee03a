import { KeybatonError } from '../../domain/errors.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import type { BackendCall } from '../backend.ts';
import { fieldsIn } from '../envelope-text.ts';
import { holdsValue } from '../fields.ts';
import { markOf } from '../main-place.ts';
import { current, pending, type Secrets } from './secrets.ts';

/**
 * Takes every label from the versions of the main secret that hold this version's material; AWS erases versions without
 * labels by itself, and offers nothing more for one version. `value` is undefined when no staged copy is left to compare
 * with; then the mark alone tells. CONFLICT when what consumers read now holds it.
 */
export async function destroyOldCopies(
  secrets: Secrets,
  path: string,
  version: VersionId,
  value: string | undefined,
  call: BackendCall,
): Promise<void> {
  const isCopy = (text: string | undefined) => {
    const fields = fieldsIn(text ?? '');
    return (
      (fields !== undefined && markOf(fields)?.version === version) ||
      (value !== undefined && holdsValue(fields ?? text ?? '', value))
    );
  };

  // A secret that waits for its deletion is read by nobody, and its copies go with it.
  if (typeof (await secrets.read(path, { stage: current }, call)) === 'string') return;
  for (const [id, stages] of (await secrets.labels(path, call)) ?? []) {
    // Of a promotion that was cut short at its very end: nobody repeats it, since its version is current.
    if (stages.includes(current) && stages.includes(pending)) await secrets.move(path, pending, { from: id }, call);
    const read = await secrets.read(path, { version: id }, call);
    if (typeof read === 'string' || !isCopy(read.text)) continue;
    if (stages.includes(current) || read.stages.includes(current)) {
      throw new KeybatonError('CONFLICT', `version ${version} is what consumers read now at ${path}`);
    }
    // A label that somebody moved meanwhile lies on another version now, which is what was wanted.
    for (const stage of stages) await secrets.move(path, stage, { from: id }, call);
  }
}
