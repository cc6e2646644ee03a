import type * as secretsManager from '@aws-sdk/client-secrets-manager';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { isKeybatonError, KeybatonError } from '../../domain/errors.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { BackendCall } from '../backend.ts';
import { ensureInTime } from '../call.ts';
import { awsTrouble, nameOf } from './aws-trouble.ts';
import { type AwsKeys, keysIn, sameKeys } from './credentials.ts';
import { createPace } from './pace.ts';
import type { AwsSecretsManagerSettings } from './settings.ts';

type Sdk = typeof secretsManager;
/** What a command shows of itself here: the place where the last look before sending is put in. */
type Prepare = <Command extends { readonly middlewareStack: { add(look: unknown, where: unknown): void } }>(
  command: Command,
) => Command;

export interface Request<Answer> {
  readonly what: string;
  readonly writes: boolean;
  /** Exceptions that are an answer here. */
  readonly expect?: readonly string[];
  readonly send: (
    sdk: Sdk,
    client: SecretsManagerClient,
    prepare: Prepare,
    options: { abortSignal: AbortSignal },
  ) => Promise<Answer>;
}

/** One call to Secrets Manager, no retry: an answer, the name of an expected exception, or a KeybatonError. */
export type SecretsClient = <Answer>(
  request: Request<Answer>,
  call: BackendCall,
) => Promise<{ readonly answer: Answer } | { readonly exception: string }>;

/**
 * The SDK, loaded with the first call: it takes a quarter of a second, which no command that does not need it should pay.
 * Its own retries are off. They would take a reached quota for throttling; and who retries here is the workflow.
 */
export function createSecretsClient(
  { region, endpoint, auth, timeout, writesPerSecond }: AwsSecretsManagerSettings,
  admin: () => Promise<SecretMaterial>,
): SecretsClient {
  const pace = createPace(writesPerSecond);
  let loading: Promise<Sdk> | undefined;
  let opened: { readonly client: SecretsManagerClient; readonly keys: AwsKeys | undefined } | undefined;

  /** With `keys`, the admin secret is read for every call, so that a rotated one is taken at once. */
  async function open(sdk: Sdk): Promise<SecretsManagerClient> {
    const keys = auth.method === 'keys' ? keysIn(await admin()) : undefined;
    if (opened === undefined || !sameKeys(opened.keys, keys)) {
      const client = new sdk.SecretsManagerClient({
        region,
        maxAttempts: 1,
        ...(endpoint !== undefined && { endpoint }),
        ...(keys !== undefined && { credentials: keys }),
      });
      opened = { client, keys };
    }
    return opened.client;
  }

  return async ({ what, writes, expect = [], send }, call) => {
    const sdk = await (loading ??= import('@aws-sdk/client-secrets-manager'));
    const client = await open(sdk);
    if (writes) await pace(call);
    const left = Math.min(timeout, call.deadline - call.now());
    if (call.signal.aborted || left <= 0) throw new KeybatonError('UNAVAILABLE', `${what} came too late to be sent`);
    let begun = false;
    const look = (next: (args: unknown) => unknown) => (args: unknown) => {
      if (writes) ensureInTime(call);
      begun = true;
      return next(args);
    };
    const prepare: Prepare = (command) => {
      // Nearest to the wire: after the credentials were fetched and the request is signed.
      command.middlewareStack.add(look, { step: 'deserialize', priority: 'low', name: 'keybatonLook' });
      return command;
    };
    const abortSignal = AbortSignal.any([call.signal, AbortSignal.timeout(left)]);
    try {
      return { answer: await send(sdk, client, prepare, { abortSignal }) };
    } catch (thrown) {
      // Our own, from the look before sending.
      if (isKeybatonError(thrown)) throw thrown;
      const name = nameOf(thrown);
      if (begun && name !== undefined && expect.includes(name)) return { exception: name };
      throw awsTrouble(thrown, { what, writes, begun });
    }
  };
}
