import { KeybatonError } from '../../domain/errors.ts';
import type { Refusal } from '../../outbound/kubernetes-refusal.ts';

export function kubernetesTrouble({ reason, kind, overQuota }: Refusal, what: string, writes: boolean): KeybatonError {
  const said = `kubernetes answered ${reason} to ${what}`;
  if (overQuota) return new KeybatonError('CAPACITY_EXHAUSTED', `${said}: the namespace's quota of Secrets is full`);
  switch (reason) {
    case 'Unauthorized':
      return new KeybatonError('ACCESS_DENIED', `${said}: the token is refused or has ended`);
    case 'Forbidden':
      return new KeybatonError('ACCESS_DENIED', `${said}: bind the documented roles to our service account`);
    case 'NotFound':
      return new KeybatonError(
        'INVALID_CONFIG',
        kind === 'namespaces' ? `${said}: make the namespace` : `${said}: check server and namespace`,
      );
    case 'TooManyRequests':
      return new KeybatonError('RATE_LIMITED', said, { retryAfter: 1_000 });
    case 'Conflict':
    case 'AlreadyExists':
      return new KeybatonError('UNAVAILABLE', `${said}: somebody else changed it`);
    case 'Invalid':
    case 'BadRequest':
      return new KeybatonError('INVALID_CONFIG', `${said}: is the Secret immutable, or a field's name not allowed?`);
    default:
      return new KeybatonError(writes ? 'AMBIGUOUS' : 'UNAVAILABLE', said);
  }
}
