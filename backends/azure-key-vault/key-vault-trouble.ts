import { KeybatonError } from '../../domain/errors.ts';

export interface Attempted {
  /** The kind of call and the name of the secret. */
  readonly what: string;
  /** Does a lost effect stay in doubt? */
  readonly writes: boolean;
  /** Did the vault get it with a token? Before that are the challenge and the sign-in, which change nothing. */
  readonly begun: boolean;
}

/** System errors that come before a request has left this machine. */
const unsent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|CERT_.*|ERR_TLS_.*|.*_CERT|.*_CERTIFICATE|UNABLE_TO_.*)$/;

/** `403 SecretDisabled`: the status, and the innermost code that the vault gives; undefined for what is none of its answers. */
export function answerIn(thrown: unknown): { readonly status: number; readonly code: string } | undefined {
  const status = property(thrown, 'statusCode');
  if (typeof status !== 'number' || property(thrown, 'name') !== 'RestError') return undefined;
  const error = property(property(thrown, 'details'), 'error') ?? property(property(thrown, 'body'), 'error');
  const codes = [
    property(property(error, 'innererror') ?? property(error, 'innerError'), 'code'),
    property(error, 'code'),
    property(thrown, 'code'),
  ];
  const code = codes.find((one): one is string => typeof one === 'string' && /^[A-Za-z_]{1,60}$/.test(one));
  return { status, code: code ?? '' };
}

/** No part of what was thrown goes on: an error of this client holds the request, with body and token. */
export function keyVaultTrouble(thrown: unknown, attempted: Attempted): KeybatonError {
  const { what, writes } = attempted;
  const answer = answerIn(thrown);
  if (answer === undefined) return withoutAnswer(thrown, attempted);
  const { status, code } = answer;
  const said = `Key Vault answered ${String(status)}${code === '' ? '' : ` ${code}`} to ${what}`;
  if (status === 429) return new KeybatonError('RATE_LIMITED', said, retryAfterOf(thrown));
  if (status === 401 || status === 403) {
    return new KeybatonError(
      'ACCESS_DENIED',
      `${said}: the identity is refused, has no role for this secret, or the vault's firewall does not let this host in`,
    );
  }
  if (status === 409) {
    return new KeybatonError('CONFLICT', `${said}: a deleted secret holds that name: recover or purge it`);
  }
  if (status >= 500 || status === 408) return new KeybatonError(writes ? 'AMBIGUOUS' : 'UNAVAILABLE', said);
  if (status >= 200 && status < 300) {
    return new KeybatonError(writes ? 'AMBIGUOUS' : 'UNAVAILABLE', `${said} with something we cannot read`);
  }
  return new KeybatonError('INVALID_CONFIG', `${said}: check the settings of this backend`);
}

function withoutAnswer(thrown: unknown, { what, writes, begun }: Attempted): KeybatonError {
  const name = property(thrown, 'name');
  const code = property(thrown, 'code');
  const shown = typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,60}$/.test(code) ? ` (${code})` : '';
  if (!begun) {
    if (isRefusedSignIn(thrown)) {
      return new KeybatonError('ACCESS_DENIED', 'Entra refuses the sign-in: check the identity of this backend');
    }
    if (name === 'CredentialUnavailableError') {
      return new KeybatonError(
        'UNAVAILABLE',
        'no Azure identity is here: give this worker a workload or managed identity, or run `az login` where it signs in by cli',
      );
    }
    if (name === 'Error' && code === undefined) {
      return new KeybatonError(
        'INVALID_CONFIG',
        `${what} was not sent: the vault's challenge names another domain than vaultUrl; set ownDomain for a vault outside of Azure's domains`,
      );
    }
    return new KeybatonError('UNAVAILABLE', `${what} was not sent to Key Vault${shown}`);
  }
  if (!writes || (typeof code === 'string' && unsent.test(code))) {
    return new KeybatonError('UNAVAILABLE', `Key Vault does not answer to ${what}${shown}`);
  }
  return new KeybatonError('AMBIGUOUS', `Key Vault gave no complete answer to ${what}${shown}: it may have happened`);
}

/** Answers of the sign-in that are about who asks, by their names in OAuth and Entra. */
const refusedSignIn =
  /^(?:AuthenticationRequiredError: )?(?:access_denied|interaction_required|invalid_client|invalid_grant|invalid_resource|invalid_scope|unauthorized_client)\b/;

function isRefusedSignIn(thrown: unknown): boolean {
  const name = property(thrown, 'name');
  const status = property(thrown, 'statusCode');
  if (name === 'AuthenticationError') return status === 400 || status === 401 || status === 403;
  // Only its text tells it from a sign-in that did not answer.
  return name === 'AuthenticationRequiredError' && refusedSignIn.test(String(property(thrown, 'message')));
}

function retryAfterOf(thrown: unknown): { readonly retryAfter?: number } {
  const headers = property(property(thrown, 'response'), 'headers');
  const get = property(headers, 'get');
  const header: unknown = typeof get === 'function' ? Reflect.apply(get, headers, ['retry-after']) : undefined;
  const seconds = Number(header);
  return typeof header === 'string' && seconds > 0 ? { retryAfter: seconds * 1_000 } : {};
}

function property(thing: unknown, name: string): unknown {
  if (typeof thing !== 'object' || thing === null) return undefined;
  return (Reflect.get(thing, name) as unknown) ?? undefined;
}
