import { KeybatonError } from '../../domain/errors.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import type { BackendCall } from '../backend.ts';
import { fieldsIn } from '../envelope-text.ts';
import { holdsValue } from '../fields.ts';
import { markOf } from '../main-place.ts';
import type { Secrets, SecretVersion } from './secrets.ts';

/**
 * Disables every version of the entry's secret that holds this version's material, also those that came about when
 * somebody changed another field. `value` is undefined when no staged copy is left to compare with; then the mark alone
 * tells. CONFLICT when what consumers read now holds it.
 */
export async function disableOldCopies(
  secrets: Secrets,
  name: string,
  version: VersionId,
  value: string | undefined,
  call: BackendCall,
): Promise<void> {
  const isCopy = ({ text }: SecretVersion) => {
    const fields = fieldsIn(text);
    return (
      (fields !== undefined && markOf(fields)?.version === version) ||
      (value !== undefined && holdsValue(fields ?? text, value))
    );
  };

  const current = await secrets.read(name, undefined, call);
  if (current === 'absent') return;
  if (current !== 'disabled' && isCopy(current)) {
    throw new KeybatonError('CONFLICT', `version ${version} is what consumers read now as ${name}`);
  }
  for (const { id, enabled } of (await secrets.versions(name, call)).versions) {
    if (!enabled || (current !== 'disabled' && id === current.id)) continue;
    const read = await secrets.read(name, id, call);
    if (typeof read !== 'string' && isCopy(read)) await disableUnlessCurrent(id);
  }

  /** What was written since we looked may be what consumers read by now. */
  async function disableUnlessCurrent(id: string): Promise<void> {
    const now = await secrets.read(name, undefined, call);
    if (typeof now !== 'string' && now.id === id) {
      throw new KeybatonError('CONFLICT', `version ${version} is what consumers read now as ${name}`);
    }
    await secrets.disable(name, id, call);
  }
}
