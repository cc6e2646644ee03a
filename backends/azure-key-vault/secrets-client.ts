import { AsyncLocalStorage } from 'node:async_hooks';
import type { TokenCredential } from '@azure/identity';
import type { SecretClient, SecretClientOptions } from '@azure/keyvault-secrets';
import { isKeybatonError, KeybatonError } from '../../domain/errors.ts';
import type { BackendCall } from '../backend.ts';
import { ensureInTime } from '../call.ts';
import type { Identity } from './identity.ts';
import { answerIn, keyVaultTrouble } from './key-vault-trouble.ts';
import type { AzureKeyVaultSettings } from './settings.ts';

export interface Request<Answer> {
  readonly what: string;
  readonly writes: boolean;
  /** Codes of the vault that are an answer here. */
  readonly expect?: readonly string[];
  readonly send: (client: SecretClient, options: { readonly abortSignal: AbortSignal }) => Promise<Answer>;
}

export interface Answered<Answer> {
  readonly answer: Answer;
  /** The vault's clock when it answered last, epoch milliseconds in whole seconds. */
  readonly date: number;
}

/** One call to Key Vault, no retry: an answer, an expected code, or a KeybatonError. */
export type SecretsClient = <Answer>(
  request: Request<Answer>,
  call: BackendCall,
) => Promise<Answered<Answer> | { readonly code: string }>;

/** What goes on around one call, for the policy nearest to the wire. */
interface Watch {
  readonly beforeSending: () => void;
  begun: boolean;
  date: number;
}

type Policy = NonNullable<SecretClientOptions['additionalPolicies']>[number]['policy'];

/**
 * The SDK, loaded with the first call: with its sign-in it takes over a second, which no command that does not need it
 * should pay. Its retries are off: a `set` whose answer was lost would make a second version.
 */
export function createSecretsClient(
  { vaultUrl, ownDomain, timeout }: AzureKeyVaultSettings,
  ca: string | undefined,
  identity: Identity,
): SecretsClient {
  const watches = new AsyncLocalStorage<Watch>();
  let opened: { readonly credential: TokenCredential; readonly client: Promise<SecretClient> } | undefined;

  const watching: Policy = {
    name: 'keybatonWatch',
    async sendRequest(request, next) {
      const watch = watches.getStore();
      // Without a token it is the question for a challenge, which has no body and changes nothing.
      if (request.headers.has('authorization')) {
        watch?.beforeSending();
        if (watch) watch.begun = true;
      }
      const response = await next(request);
      const date = Date.parse(response.headers.get('date') ?? '');
      if (watch && !Number.isNaN(date)) watch.date = date;
      return response;
    },
  };

  async function open(credential: TokenCredential): Promise<SecretClient> {
    const sdk = await import('@azure/keyvault-secrets');
    const client = new sdk.SecretClient(vaultUrl, credential, {
      retryOptions: { maxRetries: 0 },
      redirectOptions: { maxRetries: 0 },
      disableChallengeResourceVerification: ownDomain,
      additionalPolicies: [{ policy: watching, position: 'perRetry' }],
      ...(ca !== undefined && { tlsOptions: { ca } }),
    });
    // The first request finds out where to sign in. Until that is known a client may send another call's body without a
    // token, or (before keyvault-common 2.1.1) lose it: so one question goes ahead of everything, whatever its answer.
    await client
      .getSecret('keybaton-warm-up', { abortSignal: AbortSignal.timeout(timeout) })
      .catch((thrown: unknown) => {
        if (answerIn(thrown) === undefined) throw thrown;
      });
    return client;
  }

  async function ready(): Promise<SecretClient> {
    const credential = await identity.credential();
    if (opened?.credential !== credential) opened = { credential, client: open(credential) };
    const { client } = opened;
    try {
      return await client;
    } catch (thrown) {
      if (opened.client === client) opened = undefined;
      throw thrown;
    }
  }

  const attempt = async <Answer>(
    { what, writes, expect = [], send }: Request<Answer>,
    call: BackendCall,
    again: boolean,
  ): Promise<Answered<Answer> | { readonly code: string }> => {
    const beforeSending = () => {
      if (writes) ensureInTime(call);
    };
    const watch: Watch = { begun: false, date: 0, beforeSending };
    try {
      // Shared by calls, so outside of this one's watch.
      const client = await ready();
      const left = Math.min(timeout, call.deadline - call.now());
      if (call.signal.aborted || left <= 0) {
        throw new KeybatonError('UNAVAILABLE', `${what} came too late to be sent`);
      }
      const abortSignal = AbortSignal.any([call.signal, AbortSignal.timeout(left)]);
      return { answer: await watches.run(watch, () => send(client, { abortSignal })), date: watch.date };
    } catch (thrown) {
      // Our own: of the admin secret, or from the look before sending.
      if (isKeybatonError(thrown)) throw thrown;
      const answer = answerIn(thrown);
      if (answer !== undefined && expect.includes(answer.code)) return { code: answer.code };
      // 401 has no effect, and a token may be taken back before its time.
      if (answer?.status === 401 && again) {
        identity.forget();
        return attempt({ what, writes, expect, send }, call, false);
      }
      throw keyVaultTrouble(thrown, { what, writes, begun: watch.begun });
    }
  };

  return (request, call) => attempt(request, call, true);
}
