import type { CredentialId } from '../../../domain/identifiers.ts';
import type { Finding } from '../../ports.ts';

/** Every kind of advice by its stable code: how much it weighs, and why it matters. `docs/advise.md` is held to this table. */
export const adviceCodes = {
  'one-value-twice': {
    verdict: 'failure',
    why: 'revoking it for one credential cuts off the consumers of the other, who were never asked',
  },
  'unknown-target': {
    verdict: 'cannot tell',
    why: 'without its adapter nothing can be said of workload identity, ends, limits and scope',
  },
  'no-key-needed': {
    verdict: 'warning',
    why: 'a key that does not exist cannot leak, and nobody has to rotate it',
  },
  'shared-key': {
    verdict: 'warning',
    why: 'a leak at one consumer stops them all, each waits for the slowest, and no log tells them apart',
  },
  'no-end': {
    verdict: 'warning',
    why: 'a key that is lost and forgotten works for ever',
  },
  'no-limit': {
    verdict: 'warning',
    why: 'what a thief can spend or take before the kill is bounded by nothing',
  },
  'wide-scope': {
    verdict: 'warning',
    why: 'a thief may do with it whatever it may do, needed or not',
  },
  'place-in-two-environments': {
    verdict: 'warning',
    why: 'whoever holds the key of a test stands in production',
  },
  'admin-in-two-environments': {
    verdict: 'warning',
    why: 'its leak is an incident in both, and neither can be rotated or shut off alone',
  },
  'weak-proof': {
    verdict: 'warning',
    why: 'the old key may die while this consumer still uses it: nothing here shows that it took the new one',
  },
  'nobody-proves': {
    verdict: 'warning',
    why: 'nobody shows that the new key is in use before the old one dies',
  },
  'silence-not-asked': {
    verdict: 'warning',
    why: 'a user that nobody declared is cut off, though the provider would have shown it',
  },
  'never-proved': {
    verdict: 'warning',
    why: 'every rotation is held, or goes on because a person says so',
  },
} as const satisfies Readonly<
  Record<string, { readonly verdict: Exclude<Finding['verdict'], 'ok'>; readonly why: string }>
>;

export type AdviceCode = keyof typeof adviceCodes;

/** What a rule found: the observed fact with its figures and where it was seen, and the change that cures it. */
export interface Observed {
  /** A credential, or `target NAME`. */
  readonly subject: string;
  readonly credentials: readonly CredentialId[];
  readonly fact: string;
  /** A command as it is typed, or the change of targets.yml or the inventory. */
  readonly fix: string;
}

/** One advice as people and programs get it. Plain JSON, a stable shape; no secret. */
export interface Advice extends Observed {
  readonly code: AdviceCode;
  readonly verdict: (typeof adviceCodes)[AdviceCode]['verdict'];
  readonly why: string;
}
