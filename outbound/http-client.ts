/**
 * The one way out by HTTP. Wraps axios so that no error of it leaves: they carry headers and bodies, that is, secrets.
 * Never follows a redirect, always verifies TLS, never sends a credential in clear text over a network.
 */
import http from 'node:http';
import https from 'node:https';
import axios, { type AxiosRequestConfig, type AxiosResponse } from 'axios';
import { isKeybatonError, KeybatonError } from '../domain/errors.ts';
import { failureOfStatus, failureWithoutAnswer, type HttpFailure } from './http-failure.ts';
import { parseRetryAfter } from './retry-after.ts';
import { httpAgent, httpsAgent, watchedTransport } from './transport.ts';

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface HttpClientOptions {
  /** `https://host[/path]`; plain `http:` only to this machine. INVALID_CONFIG otherwise. */
  readonly baseUrl: string;
  /** Sent with every request. Nothing secret: that comes with the call. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds for a whole call, connecting and reading included. Below 20 s; 10 s by default. */
  readonly timeout?: number;
  /** Bytes of an answer read at most; 1 MiB by default. */
  readonly responseLimit?: number;
  /** PEM of the authority to trust instead of the well-known ones, for servers of the organisation's own. */
  readonly ca?: string;
}

export interface HttpRequest {
  readonly method: HttpMethod;
  /** From the base URL on; parts that come from outside go through `pathPart` first. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  /** Sent as a form instead of a body of JSON: what token endpoints of OAuth ask for. */
  readonly form?: Readonly<Record<string, string>>;
  /** Secret headers, for this call alone. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Epoch milliseconds by `now`: nothing is sent after it, and the call ends with it. */
  readonly deadline?: number;
  readonly now?: () => number;
  /** Statuses beside 2xx that are an answer and no failure. */
  readonly expect?: readonly number[];
  /** Does a lost answer leave an effect in doubt? By default for every method but GET and HEAD. */
  readonly mayHaveHappened?: boolean;
  /** A success is told by its status alone: what stands in the body is not read. */
  readonly anyAnswer?: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  /** Parsed JSON; undefined when there is none. Never undefined for an unreadable 2xx: that throws. */
  readonly body: unknown;
  /** The other side's clock, epoch milliseconds, where it shows one. */
  readonly date: number | undefined;
  /** Where a redirect that the caller expects would lead; it is never followed here. */
  readonly location?: string;
}

export interface HttpClient {
  /**
   * One call, no retry. RATE_LIMITED (with `retryAfter`), UNAVAILABLE (nothing happened), AMBIGUOUS (sent, and no good
   * answer), INVALID_CONFIG (400, 422, a redirect), ACCESS_DENIED (401, 403), NOT_FOUND, CONFLICT.
   */
  request(request: HttpRequest): Promise<HttpAnswer>;
}

const longestTimeout = 20_000;

export function httpClient(options: HttpClientOptions): HttpClient {
  const base = checkedBase(options.baseUrl);
  const timeout = options.timeout ?? 10_000;
  if (!(timeout > 0 && timeout < longestTimeout)) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `a time-out of ${timeout} ms is not between 1 and ${longestTimeout - 1} ms`,
    );
  }
  const responseLimit = options.responseLimit ?? 1_048_576;
  const agentOfOwn =
    options.ca === undefined
      ? undefined
      : new https.Agent({ keepAlive: false, rejectUnauthorized: true, ca: options.ca });

  return {
    async request(request) {
      const now = request.now ?? Date.now;
      const effect = request.mayHaveHappened ?? !(request.method === 'GET' || request.method === 'HEAD');
      const what = `${request.method} ${base.host}${request.path}`;
      const left = Math.min(timeout, (request.deadline ?? Infinity) - now());
      const unsent = { what, mayHaveHappened: false };
      if (request.signal?.aborted) throw failureWithoutAnswer('cancelled before it was sent', unsent);
      if (Object.values(request.headers ?? {}).some((value) => !sendable(value))) {
        throw new KeybatonError(
          'INVALID_CONFIG',
          `${what}: the credential has characters that no header may have; was it pasted with a line break?`,
        );
      }
      if (left <= 0) throw failureWithoutAnswer('the deadline passed before it was sent', unsent);

      const ender = new AbortController();
      const timer = setTimeout(() => ender.abort(), left);
      const sending = watchedTransport(() => now() >= (request.deadline ?? Infinity));
      const failure = (): HttpFailure => ({ what, mayHaveHappened: effect && sending.begun() });
      try {
        const response = await axios.request<string>({
          ...fixedConfig,
          url: address(base, request),
          method: request.method,
          headers: { ...ownHeaders(request), ...options.headers, ...request.headers },
          ...bodyOf(request),
          ...(isLoopback(base) ? { proxy: false as const } : {}),
          ...(agentOfOwn && { httpsAgent: agentOfOwn }),
          maxContentLength: responseLimit,
          signal: request.signal ? AbortSignal.any([request.signal, ender.signal]) : ender.signal,
          transport: sending.transport,
        });
        return readAnswer(response, request, { what, mayHaveHappened: effect }, now());
      } catch (error) {
        if (isKeybatonError(error)) throw error;
        if (request.signal?.aborted) throw failureWithoutAnswer('cancelled', failure());
        if (ender.signal.aborted)
          throw failureWithoutAnswer(`no complete answer within ${Math.round(left)} ms`, failure());
        throw failureWithoutAnswer(nameOf(error), failure());
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

const ownHeaders = ({ form }: HttpRequest): Record<string, string> => ({
  'user-agent': 'keybaton',
  accept: 'application/json',
  ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
});

function bodyOf({ body, form }: HttpRequest): { readonly data?: string } {
  if (form !== undefined) return { data: new URLSearchParams(form).toString() };
  return body === undefined ? {} : { data: JSON.stringify(body) };
}

const fixedConfig: AxiosRequestConfig = {
  httpAgent,
  httpsAgent,
  maxRedirects: 0,
  responseType: 'text',
  // Text stays text: the library's own JSON parser would put the text into its error.
  transformResponse: [(text: unknown) => text],
  transformRequest: [
    (text: unknown, headers) => {
      // `false`: a caller's own type of JSON stays.
      if (text !== undefined) headers.set('content-type', 'application/json', false);
      return text;
    },
  ],
  validateStatus: () => true,
};

function readAnswer(
  response: AxiosResponse<string>,
  request: HttpRequest,
  failure: HttpFailure,
  now: number,
): HttpAnswer {
  const { status } = response;
  const header = (name: string): string | undefined => {
    const value: unknown = response.headers[name];
    return typeof value === 'string' ? value : undefined;
  };
  const good = status >= 200 && status < 300;
  if (status >= 300 && status < 400 && !request.expect?.includes(status)) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `${failure.what} answered with a redirect, which is never followed: set the final address`,
    );
  }
  if (!good && !request.expect?.includes(status)) {
    throw failureOfStatus(status, { ...failure, retryAfter: parseRetryAfter(header('retry-after'), now) });
  }
  const body = parsed(response.data);
  // An error page that is no JSON is still an answer with a status; a success that cannot be read is not.
  if (body === unreadable && good && request.anyAnswer !== true)
    throw failureWithoutAnswer(`answered ${status} with something that is not JSON`, failure);
  const date = Date.parse(header('date') ?? '');
  const location = header('location');
  return {
    status,
    body: body === unreadable ? undefined : body,
    date: Number.isNaN(date) ? undefined : date,
    ...(location !== undefined && { location }),
  };
}

const unreadable = Symbol('unreadable');

function parsed(text: string | undefined): unknown {
  if (!text) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text, so it is dropped here.
    return unreadable;
  }
}

function address(base: URL, { path, query }: HttpRequest): string {
  const whole = `${base.pathname.replace(/\/$/, '')}${path}`;
  const url = new URL(whole, base.origin);
  // `..` or `?` in an id from outside would turn this call into another one.
  if (url.pathname !== whole)
    throw new KeybatonError('INVALID_CONFIG', `${base.host} cannot be asked for a path with special parts`);
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined) url.searchParams.set(name, String(value));
  return url.href;
}

function checkedBase(text: string): URL {
  if (!URL.canParse(text)) throw new KeybatonError('INVALID_CONFIG', 'the base address is not a URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `the base address of ${url.host} must be https://host/path without user, query or fragment`,
    );
  }
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))) return url;
  throw new KeybatonError(
    'INVALID_CONFIG',
    `the base address of ${url.host} must begin with https: credentials never travel in clear text`,
  );
}

const isLoopback = (url: URL): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname);

function sendable(value: string): boolean {
  try {
    http.validateHeaderValue('x', value);
    return true;
  } catch {
    return false;
  }
}

/** A system error's name (ECONNREFUSED, CERT_HAS_EXPIRED); nothing else of an error is shown. */
function nameOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,60}$/.test(code) ? code : 'no answer';
}
