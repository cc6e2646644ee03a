import { KeybatonError } from '../../domain/errors.ts';

export interface Attempted {
  /** The kind of call and the name of the secret. */
  readonly what: string;
  /** Does a lost effect stay in doubt? */
  readonly writes: boolean;
  /** Was anything sent? Before that are the credentials of this process, which may have to be fetched too. */
  readonly begun: boolean;
}

const refused = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'InvalidClientTokenId',
  'InvalidIdentityToken',
  'InvalidIdentityTokenException',
  'InvalidSignatureException',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'NotAuthorized',
  'OptInRequired',
  'SignatureDoesNotMatch',
  'UnauthorizedException',
  'UnrecognizedClientException',
]);

const throttled = new Set([
  'BandwidthLimitExceeded',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'TooManyRequestsException',
]);

/** System errors that come before a request has left this machine. */
const unsent =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|CERT_.*|ERR_TLS_.*|.*_CERT|.*_CERTIFICATE|UNABLE_TO_.*)$/;

/** The name of the exception, which is all that AWS promises to keep; undefined for what is none of its answers. */
export function nameOf(thrown: unknown): string | undefined {
  const name = property(thrown, 'name');
  return typeof name === 'string' && statusOf(thrown) !== undefined ? name : undefined;
}

/** No part of what was thrown goes on: its message may quote what we sent, and its response is the whole answer. */
export function awsTrouble(thrown: unknown, { what, writes, begun }: Attempted): KeybatonError {
  const status = statusOf(thrown);
  const name = nameOf(thrown) ?? '';
  const said = `AWS answered ${status === undefined ? '' : `${String(status)} `}to ${what}`;
  if (throttled.has(name) || status === 429) {
    return new KeybatonError('RATE_LIMITED', `${said}: too many requests`, { ...retryAfterOf(thrown) });
  }
  if (name === 'LimitExceededException') {
    // No throttling, although the client's own retries take it for one: waiting does not help.
    return new KeybatonError(
      'CAPACITY_EXHAUSTED',
      `${said}: a quota of Secrets Manager is reached (secrets, or versions of one)`,
    );
  }
  if (name === 'DecryptionFailure' || name === 'EncryptionFailure') {
    return new KeybatonError('ACCESS_DENIED', `${said}: the KMS key is disabled, or does not let this identity use it`);
  }
  if (refused.has(name) || status === 401 || status === 403) {
    return new KeybatonError(
      'ACCESS_DENIED',
      `${said}: the identity is refused, or its policy does not allow it (${name || 'no reason given'})`,
    );
  }
  if (status === undefined) return withoutAnswer(thrown, { what, writes, begun });
  if (!begun) return signInTrouble(status, name, what);
  if (status >= 500) return new KeybatonError(writes ? 'AMBIGUOUS' : 'UNAVAILABLE', said);
  if (name === 'InvalidRequestException') {
    return new KeybatonError(
      'CONFLICT',
      `${said}: the secret is scheduled for deletion, or another AWS service manages it`,
    );
  }
  if (name === 'ResourceNotFoundException') {
    return new KeybatonError('CONFLICT', `${said}: the secret, or a version of it, was taken away meanwhile`);
  }
  if (status >= 200 && status < 400) {
    return new KeybatonError(writes ? 'AMBIGUOUS' : 'UNAVAILABLE', `${said} with something we cannot read`);
  }
  return new KeybatonError(
    'INVALID_CONFIG',
    `${said} with ${name || 'an unknown error'}: check the settings of this backend`,
  );
}

/** Whoever gives this process its credentials answered, and nothing was sent to Secrets Manager. */
function signInTrouble(status: number, name: string, what: string): KeybatonError {
  if (status >= 500) {
    return new KeybatonError('UNAVAILABLE', `${what} was not sent: the sign-in at AWS answered ${String(status)}`);
  }
  return new KeybatonError(
    'ACCESS_DENIED',
    `${what} was not sent: AWS gives this worker no credentials (${name || String(status)}): check its role and who may take it`,
  );
}

function withoutAnswer(thrown: unknown, { what, writes, begun }: Attempted): KeybatonError {
  const code = property(thrown, 'code');
  const shown = typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,60}$/.test(code) ? ` (${code})` : '';
  if (!begun) {
    const none = property(thrown, 'name') === 'CredentialsProviderError';
    return new KeybatonError(
      'UNAVAILABLE',
      none
        ? 'no AWS credentials were found: give this worker a role, or name keys with auth: {method: keys}'
        : `${what} was not sent to AWS${shown}`,
    );
  }
  if (!writes || (typeof code === 'string' && unsent.test(code))) {
    return new KeybatonError('UNAVAILABLE', `AWS does not answer to ${what}${shown}`);
  }
  return new KeybatonError('AMBIGUOUS', `AWS gave no complete answer to ${what}${shown}: it may have happened`);
}

function statusOf(thrown: unknown): number | undefined {
  const status = property(property(thrown, '$metadata'), 'httpStatusCode');
  return typeof status === 'number' ? status : undefined;
}

function retryAfterOf(thrown: unknown): { readonly retryAfter?: number } {
  const header = property(property(property(thrown, '$response'), 'headers'), 'retry-after');
  const seconds = Number(header);
  return typeof header === 'string' && seconds > 0 ? { retryAfter: seconds * 1_000 } : {};
}

function property(thing: unknown, name: string): unknown {
  if (typeof thing !== 'object' || thing === null) return undefined;
  return (Reflect.get(thing, name) as unknown) ?? undefined;
}
