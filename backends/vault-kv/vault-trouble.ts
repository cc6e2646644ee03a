import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import type { VaultAnswer } from './vault-client.ts';

const errorsShape = z.object({ errors: z.array(z.string()) });

/** What the server says went wrong; undefined when the body is not one of a Vault API. Never shown. */
export function errorsOf({ body }: VaultAnswer): readonly string[] | undefined {
  const read = errorsShape.safeParse(body);
  return read.success ? read.data.errors : undefined;
}

/** `what` is the kind of call and the path. `writes`: a lost effect is in doubt. */
export function vaultTrouble(answer: VaultAnswer, what: string, writes: boolean): KeybatonError {
  const { status } = answer;
  const errors = errorsOf(answer);
  const said = `vault answered ${String(status)} to ${what}`;
  if (status === 403) {
    return new KeybatonError(
      'ACCESS_DENIED',
      `${said}: the admin credential is refused, or its policy does not allow it`,
    );
  }
  // A load balancer's 503 says nothing about what happened behind it; the server's own says that nothing did.
  if (status === 503 && errors !== undefined) {
    const sealed = errors.some((text) => text.toLowerCase().includes('sealed'));
    return new KeybatonError(
      'UNAVAILABLE',
      sealed ? 'vault is sealed: unseal it' : `${said}: sealed or in maintenance`,
    );
  }
  if (status >= 300 && status < 400) {
    return new KeybatonError(
      'UNAVAILABLE',
      `${said} with a redirect to a node that the settings do not name, where the token is not carried: set address to the active node or its load balancer, or list the cluster's addresses under nodes`,
    );
  }
  if (status === 412 || status === 472 || status === 473) {
    return new KeybatonError('UNAVAILABLE', `${said}: this node lags behind or is a standby`);
  }
  if (status >= 500) return new KeybatonError(writes ? 'AMBIGUOUS' : 'UNAVAILABLE', said);
  if (status === 404) {
    return new KeybatonError('INVALID_CONFIG', `${said}: no KV v2 engine is mounted there; check mount and namespace`);
  }
  return new KeybatonError('INVALID_CONFIG', `${said}: check the settings of this backend`);
}
