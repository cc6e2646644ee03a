/**
 * What every provider fake shares: one HTTP server that plays the vendor, one that plays its operator (`/__control`),
 * and the faults a test may order. A vendor is a table of operations; faults are told by the operation's name.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultFaults, type Faults } from './faults.ts';

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
  /** The body as it came: what a signature covers. */
  readonly text: string;
}

export interface FakeAnswer {
  readonly status: number;
  readonly body: unknown;
  /** Sent as plain text instead of the body, where the vendor answers no JSON. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Operation {
  readonly name: string;
  /** What its rate is counted under; unsaid: it is not limited. */
  readonly limitedBy?: string;
  /** Commits, and says what the vendor would answer. */
  readonly perform: () => FakeAnswer;
}

export interface Vendor<Settings extends object> {
  readonly settings: Settings;
  /** For a vendor whose client speaks nothing but https; its url then begins with https://localhost. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string };
  readonly operation: (request: FakeRequest) => Operation;
  /** An error in the vendor's own shape. */
  readonly failure: (status: number, message: string) => FakeAnswer;
  /** Verbs of the operator beside the faults, as `METHOD /name`. */
  readonly control: Readonly<Record<string, (body: unknown) => unknown>>;
  /** The value minted last: what a careless vendor might throw back inside an error. */
  readonly lastValue: () => string | undefined;
}

export interface FakeServer {
  readonly url: string;
  readonly control: string;
  readonly close: () => Promise<void>;
}

export async function fakeServer<Settings extends object>(
  vendor: Vendor<Settings>,
  ports: { readonly port: number; readonly controlPort: number },
): Promise<FakeServer> {
  const initial = structuredClone(vendor.settings);
  let knobs: Faults = defaultFaults();
  const inProgress = new Map<string, number>();
  const held = new Set<{ readonly operation: string; readonly release: () => void }>();
  const buckets = tokenBuckets();
  const requests: { method: string; path: string; operation: string; status: number | 'dropped' }[] = [];

  const count = (operation: string, by: 1 | -1) => inProgress.set(operation, (inProgress.get(operation) ?? 0) + by);
  const releaseHeld = () => {
    for (const one of held) if (!knobs.hold.includes(one.operation)) one.release();
  };

  const answerOf = async (request: FakeRequest, operation: Operation): Promise<FakeAnswer | 'drop' | 'silent'> => {
    const wait =
      knobs.bucket === null || operation.limitedBy === undefined ? 0 : buckets.take(operation.limitedBy, knobs.bucket);
    if (wait > 0) {
      const headers = { 'retry-after': `${Math.ceil(wait / 1_000)}` };
      return { ...vendor.failure(429, 'too many requests'), headers };
    }
    if (knobs.refuseEveryone) return vendor.failure(401, 'refused by a fault');
    const due = knobs.failNext?.operation ?? operation.name;
    const fails = knobs.failNext !== null && knobs.failNext.count > 0 && due === operation.name ? knobs.failNext : null;
    if (fails) knobs = { ...knobs, failNext: { ...fails, count: fails.count - 1 } };
    const failed = () => ({
      ...vendor.failure(fails?.status ?? 500, 'failed by a fault'),
      headers: fails?.retryAfter === undefined ? {} : { 'retry-after': fails.retryAfter },
    });
    if (fails && !fails.afterCommit) return failed();
    // Asked again and again, so that a test can let a late commit happen when it likes.
    for (const begun = Date.now(); Date.now() - begun < (knobs.delay[operation.name] ?? 0);) await sleep(10);
    const answer = operation.perform();
    if (fails) return failed();
    const drops = knobs.drop[operation.name] ?? 0;
    if (drops > 0) {
      knobs = { ...knobs, drop: { ...knobs.drop, [operation.name]: drops - 1 } };
      return 'drop';
    }
    const silent = knobs.silent[operation.name] ?? 0;
    if (silent > 0) {
      knobs = { ...knobs, silent: { ...knobs.silent, [operation.name]: silent - 1 } };
      return 'silent';
    }
    if (knobs.hold.includes(operation.name)) {
      await new Promise<void>((resolve) => {
        const one = { operation: operation.name, release: () => (held.delete(one), resolve()) };
        held.add(one);
      });
    }
    return answer;
  };

  const serveVendor = async (request: FakeRequest, response: ServerResponse) => {
    const operation = vendor.operation(request);
    count(operation.name, 1);
    try {
      const answer = await answerOf(request, operation);
      requests.push({
        method: request.method,
        path: request.path,
        operation: operation.name,
        status: answer === 'drop' || answer === 'silent' ? 'dropped' : answer.status,
      });
      if (answer === 'drop') return void response.destroy();
      if (answer === 'silent') return;
      if (answer.text !== undefined) {
        return void response
          .writeHead(answer.status, { 'content-type': 'text/plain', ...answer.headers })
          .end(answer.text);
      }
      const secret =
        knobs.secretInErrors && answer.status >= 400 ? { echoed: thrownBack(request, vendor.lastValue()) } : {};
      const body = Array.isArray(answer.body) ? answer.body : { ...Object(answer.body), ...secret };
      send(response, answer.status, body, answer.headers);
    } finally {
      count(operation.name, -1);
    }
  };

  const serveControl = async (request: FakeRequest, response: ServerResponse) => {
    const verb = `${request.method} ${request.path.replace(/^\/__control/, '')}`;
    const own = vendor.control[verb];
    if (own) return send(response, 200, own(request.body));
    switch (verb) {
      case 'GET /faults':
        return send(response, 200, knobs);
      case 'PATCH /faults':
        knobs = { ...knobs, ...Object(request.body) };
        releaseHeld();
        return send(response, 200, knobs);
      case 'PATCH /settings':
        Object.assign(vendor.settings, request.body);
        return send(response, 200, vendor.settings);
      case 'POST /reset':
        knobs = defaultFaults();
        Object.assign(vendor.settings, structuredClone(initial));
        releaseHeld();
        return send(response, 200, {});
      case 'GET /activity':
        return send(response, 200, {
          inProgress: Object.fromEntries([...inProgress].filter(([, many]) => many > 0)),
          held: [...held].map((one) => one.operation),
          requests,
        });
      default:
        return send(response, 404, { error: `the control port has no ${verb}` });
    }
  };

  const vendorServer = vendor.tls
    ? createSecureServer(vendor.tls, listener(serveVendor))
    : createServer(listener(serveVendor));
  const servers = [vendorServer, createServer(listener(serveControl))] as const;
  const [url, control] = await Promise.all([open(servers[0], ports.port), open(servers[1], ports.controlPort)]);
  return {
    url: vendor.tls ? url.replace('http://127.0.0.1', 'https://localhost') : url,
    control: `${control}/__control`,
    close: async () => {
      for (const one of held) one.release();
      await Promise.all(servers.map(shut));
    },
  };
}

const listener =
  (serve: (request: FakeRequest, response: ServerResponse) => Promise<void>) =>
  (incoming: IncomingMessage, response: ServerResponse): void => {
    readRequest(incoming)
      .then((request) => serve(request, response))
      .catch((error: unknown) => {
        // A fault of the fake itself must be loud: no vendor answers 599.
        if (!response.headersSent) send(response, 599, { error: String(error) });
      });
  };

async function readRequest(incoming: IncomingMessage): Promise<FakeRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString('utf8');
  const url = new URL(incoming.url ?? '/', 'http://fake');
  return {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    body: bodyOf(text, incoming.headers['content-type']),
    text,
  };
}

function bodyOf(text: string, type = 'application/json'): unknown {
  if (type.startsWith('application/x-www-form-urlencoded')) return Object.fromEntries(new URLSearchParams(text));
  return text === '' ? {} : JSON.parse(text);
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** Milliseconds until there is a token; 0: one was taken. */
function tokenBuckets() {
  const levels = new Map<string, { tokens: number; at: number }>();
  return {
    take(name: string, { perSecond, burst }: { readonly perSecond: number; readonly burst: number }): number {
      const now = Date.now();
      const before = levels.get(name) ?? { tokens: burst, at: now };
      const tokens = Math.min(burst, before.tokens + ((now - before.at) * perSecond) / 1_000);
      const taken = tokens >= 1;
      levels.set(name, { tokens: taken ? tokens - 1 : tokens, at: now });
      return taken ? 0 : ((1 - tokens) * 1_000) / perSecond;
    },
  };
}

const thrownBack = (request: FakeRequest, value: string | undefined) => ({
  authorization: request.headers.authorization ?? request.headers['x-api-key'],
  value,
});

async function open(server: Server, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  // A listening TCP server always has an AddressInfo; a string would be a pipe.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const shut = (server: Server) =>
  new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
