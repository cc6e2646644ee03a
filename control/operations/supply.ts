import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { ControlPorts } from '../ports.ts';
import { startRotation } from './tell-rotation.ts';
import type { Told } from './tell-rotation.ts';

export interface SupplyInput {
  readonly credential: CredentialId;
  readonly material: SecretMaterial;
  readonly actor: string;
}

/**
 * Hands over a value that only a person can make. Shape and "not a known value" are checked before it is staged, the
 * rest by the worker after. A second value for one version is CONFLICT; one that fails is erased, never revoked.
 */
export async function supply(
  ports: Pick<ControlPorts, 'ledger' | 'rotations' | 'supplies'>,
  { credential, material, actor }: SupplyInput,
): Promise<{ readonly credential: CredentialId; readonly version: VersionId; readonly told: Told }> {
  const { version } = await ports.supplies.supply(credential, material, actor);
  return { credential, version, told: await startRotation(ports, { credential, actor, reason: 'supplied' }) };
}
