import { KeybatonError } from '../../domain/errors.ts';
import type { AccessFile } from './access-file.ts';
import type { OwnToken } from './own-tokens.ts';
import type { Grant, Principal } from './principal.ts';
import type { SignedIdentity } from './signed-tokens.ts';

type Where = 'address' | 'expiresAt';
type Part = Omit<Principal, Where>;

/** Grants of somebody from an identity provider: those of their groups and their own, as the access file has them now. */
export function principalOfPerson(who: Extract<SignedIdentity['identity'], { by: 'oidc' }>, file: AccessFile): Part {
  const place = file.issuers[who.issuer];
  // Taken out of the file: nobody of that issuer has a way in any more.
  if (place === undefined || !Object.hasOwn(file.issuers, who.issuer)) throw signInAgain();
  const only = Object.keys(file.issuers).length === 1;
  const mine = file.grants.filter(
    (one) =>
      (one.issuer === who.issuer || (one.issuer === undefined && only)) &&
      (one.person === undefined ? who.groups.includes(one.group ?? '') : one.person === who.subject),
  );
  return {
    actor: `oidc:${who.issuer}:${who.name}`,
    person: `${place.issuer} ${who.subject}`,
    method: 'oidc',
    grants: mine.map(grantOf),
  };
}

export function principalOfToken(token: OwnToken): Part {
  return {
    actor: `token:${token.name}`,
    person: null,
    method: 'token',
    grants: token.grants.map(grantOf),
    hand: `tokens of ${token.madeBy}`,
    token: token.id,
  };
}

/** ACCESS_DENIED when the file no longer has it, or its day is over. */
export function principalOfBreakGlass(name: string, file: AccessFile, now: number): Part {
  const place = Object.hasOwn(file.breakGlass, name) ? file.breakGlass[name] : undefined;
  if (place === undefined || (place.until !== undefined && now >= Date.parse(place.until) + 86_400_000))
    throw new KeybatonError('ACCESS_DENIED', 'this token is not valid');
  return { actor: `break-glass:${name}`, person: null, method: 'break-glass', grants: [grantOf(place)] };
}

export const signInAgain = (): KeybatonError =>
  new KeybatonError('ACCESS_DENIED', 'this sign-in is not valid, or has run out: sign in again');

type Written = Pick<Grant, 'role'> & {
  readonly [part in 'environments' | 'teams' | 'groups']?: readonly string[] | undefined;
};

const grantOf = ({ role, environments, teams, groups }: Written): Grant => ({ role, environments, teams, groups });

/** Where a token is gone its name is too: its id says which it was. */
export function actorOf(identity: SignedIdentity['identity'], access: AccessFile): string {
  if (identity.by === 'oidc') return principalOfPerson(identity, access).actor;
  return identity.by === 'token' ? `token:${identity.id}` : `break-glass:${identity.name}`;
}
