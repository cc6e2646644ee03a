import type { EntryScope } from '../operations/operation.ts';

/** What people and programs may be, weakest first. `consumer` reads and proves one credential and nothing else. */
export const roles = ['consumer', 'viewer', 'auditor', 'team', 'oncall', 'security', 'admin'] as const;
export type Role = (typeof roles)[number];

/** A role, and where it counts. A part that is undefined counts everywhere; several parts must all fit. */
export interface Grant {
  readonly role: Role;
  readonly environments: readonly string[] | undefined;
  readonly teams: readonly string[] | undefined;
  readonly groups: readonly string[] | undefined;
}

/** How somebody showed who they are. */
export type SignInMethod = 'oidc' | 'token' | 'signed-token' | 'workload' | 'break-glass' | 'local';

/** Who asks, once they have shown it. Holds no secret. */
export interface Principal {
  /** What the ledger keeps as the actor, such as `oidc:alice@example.com` or `token:ci-deploys`. */
  readonly actor: string;
  /**
   * The human behind it, as the identity provider names them for ever (issuer and subject); `null` for programs. Two
   * approvals count as two people only when these differ.
   */
  readonly person: string | null;
  readonly method: SignInMethod;
  readonly grants: readonly Grant[];
  /** Where the request came from: the peer's address, or what a trusted proxy says. */
  readonly address: string;
  readonly expiresAt: number;
  /** Which token it is, for ever: two may have one name. */
  readonly token?: string;
  /**
   * Whose kills are counted together, where that is neither the person nor the actor: tokens that the same hand has made are
   * one.
   */
  readonly hand?: string;
  /** The review that a break-glass token has opened. */
  readonly review?: string;
}

/** Tells whoever asks apart from everybody else: an actor is a name to show, which two may share. */
export const holderOf = ({ person, token, actor }: Principal): string =>
  person ?? (token === undefined ? actor : `token ${token}`);

/** Does this grant count for an entry? */
export function covers(grant: Grant, scope: EntryScope): boolean {
  const fits = (allowed: readonly string[] | undefined, has: readonly string[]): boolean =>
    allowed === undefined || has.some((one) => allowed.includes(one));
  return (
    fits(grant.environments, [scope.environment]) && fits(grant.teams, [scope.team]) && fits(grant.groups, scope.groups)
  );
}
