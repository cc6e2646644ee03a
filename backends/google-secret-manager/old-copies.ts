import { KeybatonError } from '../../domain/errors.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import type { BackendCall } from '../backend.ts';
import { fieldsIn } from '../envelope-text.ts';
import { holdsValue } from '../fields.ts';
import { markOf } from '../main-place.ts';
import type { MainSecret } from './main-secret.ts';
import type { SecretStore, SecretVersion } from './secret-store.ts';

/**
 * Destroys every version of the main secret that holds this version's material, also where somebody changed another field
 * meanwhile, and what a promotion left that never came to an end. `value` is undefined when no staged copy is left to
 * compare with; then the mark alone tells. CONFLICT when it is what consumers are given.
 */
export async function destroyOldCopies(
  { store, main, newestIsCurrent }: { store: SecretStore; main: MainSecret; newestIsCurrent: boolean },
  secret: string,
  version: VersionId,
  value: string | undefined,
  call: BackendCall,
): Promise<void> {
  const isCopy = (text: string) => {
    const stored = fieldsIn(text);
    const marked = stored !== undefined && markOf(stored)?.version === version;
    return marked || (value !== undefined && holdsValue(stored ?? text, value));
  };
  const current = await main.current(secret, call);
  if (current.text !== undefined && isCopy(current.text)) {
    throw new KeybatonError('CONFLICT', `version ${version} is what consumers read now in secret ${secret}`);
  }

  for (const one of await known(current.n)) {
    if (one.n === current.n && !current.closed) continue;
    // What was added since we looked may be what consumers read by now.
    if (one.state === 'destroyed' || (newestIsCurrent && one.n > current.n)) continue;
    const read = await store.access(secret, one.n, call);
    if (read.kind === 'found' ? isCopy(read.text) : read.kind === 'closed' && (await closedIsCopy(one.n)))
      await store.change('destroy', secret, one.n, call);
  }

  /** The list may run behind; numbers have no gaps. */
  async function known(upTo: number): Promise<readonly SecretVersion[]> {
    const listed = await store.versions(secret, call);
    const last = Math.max(0, ...listed.map(({ n }) => n));
    const unlisted = Array.from({ length: Math.max(0, upTo - last) }, (_none, index) => last + 1 + index);
    return [...listed, ...unlisted.map((n) => ({ n, state: 'enabled' as const }))];
  }

  /** A disabled version keeps its value and shows it to nobody: it is enabled for one look. */
  async function closedIsCopy(n: number): Promise<boolean> {
    const now = (await store.versions(secret, call)).find((one) => one.n === n);
    if (now?.state !== 'disabled') return false;
    if (n === current.n) {
      throw new KeybatonError(
        'CONFLICT',
        `version ${String(n)} of secret ${secret}, which consumers are pointed to, is disabled, and may hold version ${version}: enable or destroy it`,
      );
    }
    await store.change('enable', secret, n, call);
    const read = await store.access(secret, n, call);
    const copy = read.kind === 'found' && isCopy(read.text);
    if (!copy) await store.change('disable', secret, n, call);
    return copy;
  }
}
