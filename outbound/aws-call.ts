/**
 * One command to AWS through its own client: sent once, bounded, and no error of the client leaves. Those carry the request,
 * that is, signatures and secrets.
 */
import { isKeybatonError, KeybatonError } from '../domain/errors.ts';
import { failureOfStatus, failureWithoutAnswer } from './http-failure.ts';

/** What is needed of any client of the AWS SDK; its own types know what its middleware gets. */
export interface AwsClient {
  readonly middlewareStack: { add(middleware: never, options: never): void };
  destroy(): void;
}

type Middleware = (next: (args: unknown) => Promise<unknown>) => (args: unknown) => Promise<unknown>;

export interface AwsCall {
  readonly signal: AbortSignal;
  readonly deadline: number;
  now(): number;
}

/** Settings for every client: one attempt, since the caller decides about retries, and times that fit below a call's. */
export const awsClientOptions = (given: {
  readonly region: string;
  readonly endpoint: string | undefined;
  readonly timeout: number;
  /** Fields of the admin credential, or of a version: revealed for this one call. */
  readonly credentials: Readonly<Record<string, string>>;
}) => ({
  region: given.region,
  ...(given.endpoint !== undefined && { endpoint: plainOnlyHere(given.endpoint) }),
  maxAttempts: 1,
  requestHandler: { connectionTimeout: given.timeout, requestTimeout: given.timeout, throwOnRequestTimeout: true },
  credentials: awsIdentity(given.credentials),
});

interface AwsIdentity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** INVALID_CONFIG names the fields that are missing, never what they hold. */
function awsIdentity(fields: Readonly<Record<string, string>>): AwsIdentity {
  const { access_key_id: accessKeyId, secret_access_key: secretAccessKey, session_token: sessionToken } = fields;
  if (!accessKeyId || !secretAccessKey) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      'an AWS credential is JSON with access_key_id and secret_access_key, and session_token where it is temporary',
    );
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
}

/**
 * Sends it. Codes as everywhere: ACCESS_DENIED, NOT_FOUND, CAPACITY_EXHAUSTED for a quota, RATE_LIMITED, UNAVAILABLE, and
 * AMBIGUOUS where `mayHaveHappened` and no good answer came. `expect`: names of refusals that the caller wants to see.
 */
export async function awsSend<Client extends AwsClient, Answer extends object>(
  client: Client,
  send: (client: Client, options: { readonly abortSignal: AbortSignal }) => Promise<Answer>,
  call: AwsCall & { readonly timeout: number },
  { what, mayHaveHappened, expect = [] }: { what: string; mayHaveHappened: boolean; expect?: readonly string[] },
): Promise<Answer | AwsRefusal> {
  let sent = false;
  const unsent = { what, mayHaveHappened: false };
  const lastLook: Middleware = (next) => (args) => {
    // After signing, right before the socket: a frozen process wakes up anywhere.
    if (call.signal.aborted) throw failureWithoutAnswer('cancelled before it was sent', unsent);
    if (call.now() >= call.deadline) throw failureWithoutAnswer('the deadline passed before it was sent', unsent);
    sent = true;
    return next(args);
  };
  const place = { step: 'finalizeRequest', priority: 'low', name: 'keybatonDeadline' };
  // Passes through whatever it gets, so that its arguments' types are no matter.
  client.middlewareStack.add(lastLook as never, place as never);
  const left = Math.max(1, Math.min(call.timeout, call.deadline - call.now()));
  try {
    return await send(client, { abortSignal: AbortSignal.any([call.signal, AbortSignal.timeout(left)]) });
  } catch (thrown) {
    if (isKeybatonError(thrown)) throw thrown;
    const { name, status, text, code } = refusalIn(thrown);
    if (expect.includes(name)) return { refusal: name, text };
    throw failure(name, status, { what, mayHaveHappened: mayHaveHappened && sent && !neverConnected.test(code) });
  } finally {
    client.destroy();
  }
}

/** A refusal that the caller asked to see. Its text can quote us: to compare, never to show. */
export interface AwsRefusal {
  readonly refusal: string;
  readonly text: string;
}

/** Names of system errors that come before a byte is sent. */
const neverConnected = /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|CERT_.*|.*_CERT.*)$/;

function failure(name: string, status: number | undefined, told: { what: string; mayHaveHappened: boolean }) {
  if (/^(Throttl|RequestLimitExceeded|TooManyRequests|SlowDown)/.test(name))
    return new KeybatonError('RATE_LIMITED', `${told.what}: AWS asks to be called less often`);
  if (/^LimitExceeded/.test(name))
    return new KeybatonError('CAPACITY_EXHAUSTED', `${told.what}: a quota is full; revoke one that nobody uses`);
  // The status of an answer that was cut short or cannot be read is a success that says nothing.
  if (status === undefined || status < 400) return failureWithoutAnswer('no answer that can be read', told);
  return failureOfStatus(status, told);
}

function refusalIn(thrown: unknown): { name: string; status: number | undefined; text: string; code: string } {
  // Whatever was thrown: each property is looked at before it is used.
  const { name, message, code, $metadata } = Object(thrown) as {
    name?: unknown;
    message?: unknown;
    code?: unknown;
    $metadata?: { httpStatusCode?: number };
  };
  return {
    name: typeof name === 'string' ? name.replace(/Exception$/, '') : '',
    status: $metadata?.httpStatusCode,
    text: typeof message === 'string' ? message : '',
    code: typeof code === 'string' ? code : '',
  };
}

/** A credential never travels in clear text over a network. */
function plainOnlyHere(endpoint: string): string {
  const { protocol, hostname, host } = new URL(endpoint);
  if (protocol === 'https:' || /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname)) return endpoint;
  throw new KeybatonError('INVALID_CONFIG', `the address of ${host} must begin with https`);
}
