import type { KeybatonError } from '../../domain/errors.ts';

/** Why a sign-in was refused: for the record alone, never for whoever was refused. */
export type Refusal =
  | 'malformed'
  | 'unknown'
  | 'revoked'
  | 'expired'
  | 'bad signature'
  | 'wrong issuer or audience'
  | 'ended'
  | 'unknown state'
  | 'not confirmed by the issuer'
  | 'no grant'
  | 'not valid';

const refusals = new WeakMap<object, Refusal>();

/** Remembers why beside the error, which tells its reader no more than before. */
export function because(why: Refusal, error: KeybatonError): KeybatonError {
  refusals.set(error, why);
  return error;
}

export const refusalOf = (thrown: unknown): Refusal =>
  (typeof thrown === 'object' && thrown !== null ? refusals.get(thrown) : undefined) ?? 'not valid';

/** By the code of the library that reads tokens, never by its text: that may hold what was sent. */
export function refusalOfJwt(cause: unknown): Refusal {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'ERR_JWT_EXPIRED':
      return 'expired';
    case 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED':
    case 'ERR_JWKS_NO_MATCHING_KEY':
      return 'bad signature';
    case 'ERR_JWT_CLAIM_VALIDATION_FAILED':
      return 'wrong issuer or audience';
    case 'ERR_JWS_INVALID':
    case 'ERR_JWT_INVALID':
      return 'malformed';
    default:
      return 'not valid';
  }
}
