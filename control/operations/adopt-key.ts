import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { ControlPorts } from '../ports.ts';
import type { Sweeping } from '../sweep-ports.ts';
import { importVersion } from './import.ts';

export interface AdoptKey {
  /** The provider's id of the key, as `reconcile` tells it. */
  readonly key: string;
  readonly credential: CredentialId;
  /** Where it was said to live; the credential's own target when unsaid. */
  readonly target: string | undefined;
  /** Asked for its value only once the key was found and may be adopted. */
  readonly value: () => Promise<SecretMaterial>;
  readonly actor: string;
}

export interface AdoptedKey {
  readonly key: string;
  readonly credential: CredentialId;
  readonly version: VersionId;
}

interface AdoptPorts extends Pick<ControlPorts, 'supplies'> {
  readonly ledger: Ledger;
  readonly sweeping: Pick<Sweeping, 'reconcile'>;
}

/**
 * Brings a live key that `reconcile` finds at a target under management as the current version of a credential there: an
 * import, of a key that was seen. NOT_FOUND when no such key is found; CONFLICT when it is ours already, or may be the work
 * of a create under way.
 */
export async function adoptKey(ports: AdoptPorts, { key, credential, ...input }: AdoptKey): Promise<AdoptedKey> {
  const { target } = (await ports.ledger.facts(credential)).entry;
  if (input.target !== undefined && input.target !== target)
    throw new KeybatonError('INVALID_CONFIG', `${credential} is at target ${target}, not at ${input.target}`);
  const report = await ports.sweeping.reconcile(target);
  if (report.trouble !== undefined)
    throw new KeybatonError('UNAVAILABLE', `target ${target} did not say what lives there: ${report.trouble}`);
  const found = report.keys.filter(({ ref }) => ref.id === key);
  if (found.length === 0)
    throw new KeybatonError(
      'NOT_FOUND',
      `no key ${key} at target ${target} waits to be adopted: keybaton reconcile --target ${target} lists what does`,
    );
  if (found.some(({ standing }) => standing === 'in doubt'))
    throw new KeybatonError('CONFLICT', `a create under way may have made key ${key}: look again in a few minutes`);
  const material = await input.value();
  const { version } = await importVersion(ports, {
    credential,
    material,
    refId: key,
    cannotRevoke: false,
    actor: input.actor,
  });
  return { key, credential, version };
}
