import { isProblem, problem } from '../problem.ts';

export interface StoreCall {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  readonly fetch: typeof globalThis.fetch;
  /** Who is asked, for messages. */
  readonly name: string;
}

export interface StoreAnswer {
  readonly status: number;
  readonly text: string;
  /** Milliseconds that we were asked to wait. */
  readonly retryAfter: number | undefined;
}

/** One call to a store. What it throws holds neither what was sent nor what came back. */
export async function callStore({ url, name, signal, fetch, ...init }: StoreCall): Promise<StoreAnswer> {
  try {
    // A redirect would carry a token to a host that nobody named.
    const response = await fetch(url, { ...init, signal, redirect: 'error' });
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
    const retryAfter = Number.isFinite(seconds) ? seconds * 1000 : undefined;
    return { status: response.status, text: await response.text(), retryAfter };
  } catch {
    throw problem('NO_ANSWER', `${name} did not answer`);
  }
}

/** Of an answer that is none of the good ones. */
export function refusalOf(name: string, { status, retryAfter }: StoreAnswer, why = ''): Error {
  const code =
    status === 429
      ? 'RATE_LIMITED'
      : status >= 500
        ? 'UNAVAILABLE'
        : status === 401 || status === 403
          ? 'ACCESS_DENIED'
          : status === 404
            ? 'NOT_FOUND'
            : 'INVALID_CONFIG';
  return problem(code, `${name} answered ${String(status)}${why === '' ? '' : ` (${why})`}`, status, retryAfter);
}

export function jsonOf(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes what it was given.
    throw problem('NO_ANSWER', `${name} answered something that is not JSON`);
  }
}

export function hasCode(thrown: unknown, code: string): boolean {
  return isProblem(thrown) && thrown.code === code;
}
