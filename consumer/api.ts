import { problem } from './problem.ts';

export interface Ask {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Below the credential's own path, with a leading slash. */
  readonly path: string;
  readonly body?: unknown;
  /** Milliseconds for the whole answer. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

export interface Api {
  /** The JSON of a good answer; undefined when there is none to read. Throws a `ConsumerProblem`. */
  ask(ask: Ask): Promise<unknown>;
  /** The answer itself, to be read as it arrives; `timeout` covers its beginning alone. */
  stream(path: string, timeout: number, signal: AbortSignal): Promise<Response>;
}

export interface ApiOptions {
  readonly url: string;
  readonly token: string | (() => string | Promise<string>);
  readonly credential: string;
  readonly fetch: typeof globalThis.fetch;
}

export function openApi({ url, token, credential, fetch }: ApiOptions): Api {
  const base = `${url.replace(/\/+$/, '')}/v1/credentials/${credential}`;

  async function send(path: string, init: RequestInit): Promise<Response> {
    const bearer = typeof token === 'string' ? token : await token();
    const headers = { authorization: `Bearer ${bearer}`, ...init.headers };
    try {
      // A redirect would carry the token to a host that nobody named.
      return await fetch(base + path, { ...init, headers, redirect: 'error' });
    } catch {
      // The cause is dropped: it may quote the request.
      throw problem('NO_ANSWER', 'keybaton did not answer');
    }
  }

  return {
    async ask({ method, path, body, timeout, signal }) {
      const init: RequestInit = { method, signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]) };
      if (body !== undefined)
        Object.assign(init, { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
      const response = await send(path, init);
      const text = await response.text().catch(() => {
        throw problem('NO_ANSWER', 'the answer broke off');
      });
      if (!response.ok) throw problemFrom(response, text);
      return text === '' ? undefined : parsed(text);
    },

    async stream(path, timeout, signal) {
      const beginning = new AbortController();
      const timer = setTimeout(() => beginning.abort(), timeout);
      timer.unref();
      const headers = { accept: 'text/event-stream' };
      const response = await send(path, { headers, signal: AbortSignal.any([signal, beginning.signal]) }).finally(() =>
        clearTimeout(timer),
      );
      if (response.ok && (response.headers.get('content-type') ?? '').startsWith('text/event-stream')) return response;
      await response.body?.cancel().catch(() => undefined);
      throw problem('NO_ANSWER', 'keybaton opened no event stream', response.status, retryAfterOf(response));
    },
  };
}

/** Milliseconds. */
function retryAfterOf(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

function problemFrom(response: Response, text: string): Error {
  const retryAfter = retryAfterOf(response);
  let code = 'UNAVAILABLE';
  let detail = `keybaton answered ${String(response.status)}`;
  if ((response.headers.get('content-type') ?? '').startsWith('application/problem+json')) {
    const told = parsed(text);
    if (isRecord(told) && typeof told['code'] === 'string') code = told['code'];
    if (isRecord(told) && typeof told['detail'] === 'string') detail = told['detail'];
  }
  return problem(code, detail, response.status, retryAfter);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes what it was given.
    throw problem('NO_ANSWER', 'keybaton answered something that is not JSON');
  }
}

export function isRecord(thing: unknown): thing is Record<string, unknown> {
  return typeof thing === 'object' && thing !== null && !Array.isArray(thing);
}
