import { readFile } from 'node:fs/promises';
import type * as Kubernetes from '@kubernetes/client-node';
import type { Configuration, HttpLibrary, PromiseHttpLibrary } from '@kubernetes/client-node';
import { isKeybatonError, KeybatonError } from '../domain/errors.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import { type HttpClient, type HttpMethod, httpClient } from './http-client.ts';
import { type Refusal, refusalIn } from './kubernetes-refusal.ts';

/** Where a cluster's API is, and who we are to it. */
export interface KubernetesServer {
  readonly server: string;
  /** `service-account`: the token of our pod, read anew for every call. `token`: the admin secret is one. */
  readonly auth: { readonly method: 'service-account'; readonly tokenFile: string } | { readonly method: 'token' };
  /** PEM file of the cluster's authority; `none` where a well-known one signed. */
  readonly caFile: string;
  /** Milliseconds for one HTTP call. */
  readonly timeout: number;
}

export interface KubernetesCall {
  readonly signal: AbortSignal;
  /** Absolute, epoch milliseconds: nothing is sent after it. */
  readonly deadline: number;
  now(): number;
}

/** What the API server answered: the object, or why it refuses. Everything else is thrown. */
export type Answered<Answer> =
  { readonly kind: 'answer'; readonly answer: Answer } | { readonly kind: 'refused'; readonly refusal: Refusal };

/** How this one call is sent: goes into the client's options. */
export interface Way {
  readonly httpApi: HttpLibrary;
}

export interface KubernetesCalls<Api> {
  /** `writes`: a lost answer leaves an effect in doubt. `what` is for people. */
  ask<Answer>(
    call: KubernetesCall,
    asked: { readonly what: string; readonly writes: boolean; readonly headers?: Readonly<Record<string, string>> },
    request: (api: Api, way: Way) => Promise<Answer>,
  ): Promise<Answered<Answer>>;
}

/** Statuses by which the API server speaks; of others (429, 5xx) the transport knows what to make. */
const meant = [400, 401, 403, 404, 405, 409, 410, 415, 422];

/**
 * The official client makes paths and shapes; the sending is our own transport's, because the client's errors hold body and
 * headers, and it follows no deadline of ours. `make` picks the part of the client that is needed.
 */
export function kubernetesCalls<Api>(
  { server, auth, caFile, timeout }: KubernetesServer,
  admin: () => Promise<SecretMaterial>,
  make: (client: typeof Kubernetes, configuration: Configuration) => Api,
): KubernetesCalls<Api> {
  let held: { readonly ca: string | undefined; readonly http: HttpClient } | undefined;
  let made: Promise<{ api: Api; client: typeof Kubernetes }> | undefined;

  /** Read for every call: the kubelet replaces the token before it ends, and the authority when the cluster's changes. */
  async function token(): Promise<string> {
    if (auth.method === 'token') return (await admin()).revealValue();
    return (await fromFile(auth.tokenFile, 'the token of our service account')).trim();
  }

  async function transport(): Promise<HttpClient> {
    const ca = caFile === 'none' ? undefined : await fromFile(caFile, "the cluster's authority");
    // A Secret may be 1 MiB, which base64 makes longer.
    if (held === undefined || held.ca !== ca)
      held = {
        ca,
        http: httpClient({ baseUrl: server, timeout, responseLimit: 4_194_304, ...(ca !== undefined && { ca }) }),
      };
    return held.http;
  }

  function client() {
    made ??= import('@kubernetes/client-node').then((found) => {
      const baseServer = new found.ServerConfiguration(server.replace(/\/$/, ''), {});
      return { client: found, api: make(found, found.createConfiguration({ baseServer })) };
    });
    return made;
  }

  return {
    async ask(call, { what, writes, headers }, request) {
      const { api, client: found } = await client();
      const seen: { refusal?: Refusal; trouble?: KeybatonError } = {};
      const sending: PromiseHttpLibrary = {
        async send(context) {
          const url = new URL(context.getUrl());
          const body = context.getBody();
          const http = await transport();
          const bearer = await token();
          const { status, body: answer } = await http.request({
            // The client knows no other methods.
            method: context.getHttpMethod() as HttpMethod,
            path: url.pathname.slice(new URL(server).pathname.replace(/\/$/, '').length),
            query: Object.fromEntries(url.searchParams),
            headers: { authorization: `Bearer ${bearer}`, ...headers },
            ...(typeof body === 'string' && { body: JSON.parse(body) as unknown }),
            signal: call.signal,
            deadline: call.deadline,
            now: () => call.now(),
            mayHaveHappened: writes,
            expect: meant,
          });
          if (status < 400) {
            const text = Buffer.from(JSON.stringify(answer ?? {}));
            const shown = { 'content-type': 'application/json' };
            return new found.ResponseContext(status, shown, new found.SelfDecodingBody(Promise.resolve(text)));
          }
          const refusal = refusalIn(status, answer);
          if (refusal !== undefined) seen.refusal = refusal;
          else
            throw new KeybatonError(
              status === 401 || status === 403 ? 'ACCESS_DENIED' : 'INVALID_CONFIG',
              `something that is not the API of kubernetes answered ${String(status)} to ${what}: check server and what stands before it`,
            );
          throw new Error('refused');
        },
      };
      const kept: PromiseHttpLibrary = {
        send: (context) =>
          sending.send(context).catch((thrown: unknown) => {
            if (isKeybatonError(thrown)) seen.trouble = thrown;
            throw thrown;
          }),
      };
      try {
        return { kind: 'answer', answer: await request(api, { httpApi: found.wrapHttpLibrary(kept) }) };
      } catch {
        // The client's own error holds what was sent and answered.
        if (seen.refusal !== undefined) return { kind: 'refused', refusal: seen.refusal };
        throw (
          seen.trouble ??
          new KeybatonError(writes ? 'AMBIGUOUS' : 'UNAVAILABLE', `the answer to ${what} has a shape we do not know`)
        );
      }
    },
  };
}

async function fromFile(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `${what} cannot be read from ${path}: run as a pod with a service account, or set the file`,
    );
  }
}
