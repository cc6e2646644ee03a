import { AsyncLocalStorage } from 'node:async_hooks';
import type { v1 } from '@google-cloud/secret-manager';
import { isKeybatonError, KeybatonError } from '../../domain/errors.ts';
import { type HttpMethod, httpClient } from '../../outbound/http-client.ts';
import type { BackendCall } from '../backend.ts';
import { ensureInTime } from '../call.ts';
import type { SignIn } from './sign-in.ts';
import { type Refusal, refusalIn } from './trouble.ts';

export type GoogleClient = v1.SecretManagerServiceClient;

/** What the API answered: the message, or why it refuses. Everything else is thrown. */
export type Answered<Message> =
  { readonly kind: 'answer'; readonly message: Message } | { readonly kind: 'refused'; readonly refusal: Refusal };

export interface GoogleCalls {
  /** `writes`: a lost answer leaves an effect in doubt, and nothing is sent after the deadline. `what` is for people. */
  ask<Message>(
    call: BackendCall,
    asked: { readonly what: string; readonly writes: boolean },
    request: (client: GoogleClient) => Promise<Message>,
  ): Promise<Answered<Message>>;
}

interface Sending {
  readonly call: BackendCall;
  readonly what: string;
  readonly writes: boolean;
  refusal: Refusal | undefined;
  trouble: KeybatonError | undefined;
}

/** Statuses by which the API speaks; of others (429, 5xx) the transport knows what to make. */
const meant = [400, 401, 403, 404, 409, 412];

/**
 * Google's client makes paths and shapes; the sending is our own transport's, because the client's errors hold payloads,
 * read a page of something in between as "not found", and its search for credentials ends the process when there are none.
 */
export function googleCalls(
  { endpoint, timeout }: { readonly endpoint: string; readonly timeout: number },
  signIn: SignIn,
): GoogleCalls {
  const http = httpClient({ baseUrl: endpoint, timeout });
  const sending = new AsyncLocalStorage<Sending>();
  let made: Promise<GoogleClient> | undefined;

  async function send(url: string, given: { method?: string; body?: unknown }): Promise<Response> {
    const now = sending.getStore();
    if (now === undefined) throw new Error('a call of the client outside of ask');
    try {
      const token = await signIn(now.call);
      if (now.writes) ensureInTime(now.call);
      const { pathname, searchParams } = new URL(url);
      const { status, body } = await http.request({
        // The client knows no other methods.
        method: (given.method ?? 'GET') as HttpMethod,
        path: pathname,
        query: Object.fromEntries(searchParams),
        headers: { authorization: `Bearer ${token}` },
        ...(typeof given.body === 'string' && { body: JSON.parse(given.body) as unknown }),
        signal: now.call.signal,
        deadline: now.call.deadline,
        now: () => now.call.now(),
        mayHaveHappened: now.writes,
        expect: meant,
      });
      if (status < 400) return new Response(JSON.stringify(body ?? {}), { status: 200 });
      now.refusal = refusalIn(status, body);
      if (now.refusal === undefined) {
        throw new KeybatonError(
          status === 401 || status === 403 ? 'ACCESS_DENIED' : 'INVALID_CONFIG',
          `something that is not Secret Manager answered ${String(status)} to ${now.what}: check the endpoint and what stands before it`,
        );
      }
      throw new Error('refused');
    } catch (thrown) {
      if (isKeybatonError(thrown)) now.trouble = thrown;
      throw thrown;
    }
  }

  function client(): Promise<GoogleClient> {
    made ??= import('@google-cloud/secret-manager').then(({ SecretManagerServiceClient }) => {
      const transport = { fetch: send, getClient: async () => ({}), getRequestHeaders: async () => new Headers() };
      return new SecretManagerServiceClient({
        fallback: true,
        // Of GoogleAuth the REST stub calls these alone; the rest of its type finds credentials, which is what we replace.
        auth: transport as unknown as NonNullable<ConstructorParameters<typeof SecretManagerServiceClient>[0]>['auth'] &
          object,
      });
    });
    return made;
  }

  return {
    async ask(call, { what, writes }, request) {
      const now: Sending = { call, what, writes, refusal: undefined, trouble: undefined };
      if (writes) ensureInTime(call);
      const google = await client();
      try {
        return { kind: 'answer', message: await sending.run(now, () => request(google)) };
      } catch {
        // The client's own error quotes what it was given.
        if (now.refusal !== undefined) return { kind: 'refused', refusal: now.refusal };
        if (now.trouble !== undefined) throw now.trouble;
        throw new KeybatonError(
          writes ? 'AMBIGUOUS' : 'UNAVAILABLE',
          `the answer to ${what} has a shape we do not know`,
        );
      }
    },
  };
}
