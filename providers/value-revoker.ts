import type { SecretMaterial } from '../domain/secret-material.ts';
import type { Call } from './provider.ts';

/**
 * A vendor that kills a value it is shown, whoever's it is: for a leaked value that nobody here knows. It needs no
 * target and no admin credential. Showing the value to the vendor that made it tells nobody anything new; showing it to
 * anyone else would be a second leak, so only a value that has the documented shape is ever shown.
 */
export interface ValueRevoker {
  /** For people. */
  readonly name: string;
  /** The shape of its values, anchored at both ends. */
  readonly pattern: RegExp;
  /**
   * Asks the vendor to kill it. Again is success. NOT_FOUND when the vendor says that it made no such value; where it
   * only says that it has heard, that is success, and proves nothing. Errors are a provider's errors.
   */
  revoke(value: SecretMaterial, call: Call): Promise<void>;
}
