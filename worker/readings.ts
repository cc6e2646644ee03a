import type { Readings } from '../activities/ports.ts';
import { vaultKvSettings } from '../backends/vault-kv/settings.ts';
import { KeybatonError } from '../domain/errors.ts';
import { observeReads, type ObserveReads } from '../evidence/observed-reads.ts';
import type { BackendPlace } from '../inventory/targets.ts';

/** How many epochs are followed at a time; of an older one nobody asks any more. */
const followed = 2_000;
/** Milliseconds of one look: a long file is read in several. */
const patience = 8_000;

/** Can readings out of this backend be evidence? */
export function keepsReadings({ kind, settings }: BackendPlace): boolean {
  return kind === 'vault-kv' && vaultKvSettings.safeParse(settings).data?.auditFile !== undefined;
}

/** Follows the audit files of backends, each from where the last look at the same epoch ended. */
export function openReadings(placeOf: (backend: string) => Promise<BackendPlace>): Readings {
  const open = new Map<string, { readonly look: ObserveReads; last: Promise<unknown> }>();
  return async (backend, { credential, epoch, ...observed }, signal) => {
    const { settings } = await placeOf(backend);
    const { mount, stagingPrefix, namespace, auditFile } = vaultKvSettings.safeParse(settings).data ?? {};
    if (mount === undefined || stagingPrefix === undefined || auditFile === undefined)
      throw new KeybatonError('INVALID_CONFIG', 'its settings name no auditFile: give one, or demand other evidence');
    // What is read depends on the settings, which may be applied anew.
    const key = JSON.stringify([
      credential,
      epoch,
      backend,
      auditFile,
      mount,
      stagingPrefix,
      namespace,
      observed.paths,
    ]);
    const known = open.get(key);
    const one = known ?? {
      look: observeReads({ mount, stagingPrefix, namespace }, auditFile, observed),
      last: Promise.resolve(),
    };
    open.delete(key);
    open.set(key, one);
    for (const oldest of open.keys()) if (open.size > followed) open.delete(oldest);
    // A tail is not for two looks at once.
    const look = one.last.then(() => one.look(AbortSignal.any([signal, AbortSignal.timeout(patience)])));
    one.last = look.catch(() => undefined);
    return look;
  };
}
