import type { Backend } from '../../backends/backend.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { BoundProvider } from '../ports.ts';

/**
 * What killing and proving dead need: the provider and its admin reference. Backends help to prove and may be down;
 * nothing here knows the ledger.
 */
export interface ContainmentPorts {
  /** The target bound to its adapter, from the freshest place that answers. NOT_FOUND, INVALID_CONFIG. */
  provider(target: string): Promise<BoundProvider>;
  backend(name: string): Promise<Backend>;
  fingerprint(provider: string, material: SecretMaterial): string;
  now(): number;
  random(bytes: number): Uint8Array;
  /** Resolves after this long, or at once when `signal` aborts. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}
