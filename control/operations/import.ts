import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { ControlPorts } from '../ports.ts';

export interface ImportInput {
  readonly credential: CredentialId;
  readonly material: SecretMaterial;
  /** The provider's id of the key. Undefined only with `cannotRevoke`. */
  readonly refId?: string;
  /** Only a person can kill it: said here, and visible for ever. */
  readonly cannotRevoke: boolean;
  readonly actor: string;
}

/** Brings a key that exists under management. INVALID_CONFIG unless it says either how to find it or that nobody can. */
export async function importVersion(
  { supplies }: Pick<ControlPorts, 'supplies'>,
  { credential, material, refId, cannotRevoke, actor }: ImportInput,
): Promise<{ readonly credential: CredentialId; readonly version: VersionId; readonly cannotRevoke: boolean }> {
  if ((refId === undefined) !== cannotRevoke) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      "say either --ref with the provider's id of the key, or --cannot-revoke: then only a person can ever kill it",
    );
  }
  const { version } = await supplies.import({ credential, material, refId, cannotRevoke, actor });
  return { credential, version, cannotRevoke };
}
