import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isProblem } from '../problem.ts';
import { openStanding, refusal } from './standing.ts';
import type { FakeMissing, FakeReport, FakeVersion } from './standing.ts';

export type { FakeMissing, FakeReport, FakeVersion } from './standing.ts';

export interface FakeOptions {
  /** `in-memory/dev/app` unless told. */
  readonly credential?: string;
  /** `web` unless told. */
  readonly consumers?: readonly string[];
}

export interface FakeKeybaton {
  readonly url: string;
  readonly credential: string;
  token(consumer?: string): string;
  /** A new version is current, as far as a rotation gets before it waits for proofs. No `fields`: a random one. */
  rotate(fields?: Readonly<Record<string, string>>, value?: string): FakeVersion;
  /** Made, and not yet decided. */
  issue(fields?: Readonly<Record<string, string>>, value?: string): FakeVersion;
  /** Its epoch stands and is told; the vault shows the one before until `show`. Answers the epoch. */
  decide(version: FakeVersion): number;
  show(): void;
  /** An earlier version is current again, under a new epoch. */
  rollBack(version: FakeVersion): number;
  /** It is never given as previous any more. */
  compromise(version: FakeVersion): void;
  /** What a rotation still waits for before the version before may die; empty: it may. */
  missing(): readonly FakeMissing[];
  /** Once every registered instance has proved the newest epoch; throws after `within` milliseconds (10 000). */
  waitForProof(within?: number): Promise<void>;
  readonly reports: readonly FakeReport[];
  /** Who read which version, oldest first. */
  readonly reads: readonly { readonly consumer: string; readonly version: string }[];
  /** `consumer/instance` of those that registered and did not leave. */
  instances(): readonly string[];
  /** Meanwhile requests whose path below the credential begins so get this status alone: 503 is keybaton being away. */
  answering<Result>(status: number, path: string, during: () => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

const longestPoll = 30_000;

/** keybaton's consumer API for tests, on 127.0.0.1: serves versions, rotates, takes proofs, and judges them as the real one does. */
export async function startFakeKeybaton(options: FakeOptions = {}): Promise<FakeKeybaton> {
  const { credential = 'in-memory/dev/app', consumers = ['web'] } = options;
  const base = `/v1/credentials/${credential}`;
  const standing = openStanding(credential, consumers);
  let planned: { readonly status: number; readonly path: string } | undefined;

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      const {
        status,
        code,
        message: detail,
      } = isProblem(error) ? error : { status: 400, code: 'INVALID_CONFIG', message: 'the request is not well-formed' };
      send(response, status, { status, code, detail }, 'application/problem+json');
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://127.0.0.1');
    const path = pathname.startsWith(`${base}/`) ? pathname.slice(base.length) : '';
    const text = (await request.setEncoding('utf8').toArray()).join('');
    if (planned !== undefined && path.startsWith(planned.path))
      throw refusal(planned.status, 'UNAVAILABLE', 'this is on purpose');
    const consumer = standing.consumerOf(request.headers.authorization ?? '');
    // Each route takes from it what it knows, and refuses what is missing.
    const body = (text === '' ? {} : JSON.parse(text)) as Readonly<Record<string, unknown>>;
    const wait = searchParams.get('wait');
    if (request.method === 'GET' && path === '/events' && wait === null) return stream(response);
    if (request.method === 'GET' && path === '/events')
      await poll(Number(wait), Number(searchParams.get('epoch') ?? 0));
    const answered = route(consumer, `${String(request.method)} ${path}`, searchParams, body);
    send(response, answered === undefined ? 204 : 200, answered);
  }

  function route(consumer: string, asked: string, query: URLSearchParams, body: Readonly<Record<string, unknown>>) {
    const [, verb, name = ''] = /^(PUT|DELETE) \/instances\/([^/]+)$/.exec(asked) ?? [];
    if (verb === 'PUT') return standing.beat(consumer, decodeURIComponent(name), body);
    if (verb === 'DELETE') return standing.leave(consumer, decodeURIComponent(name));
    if (asked === 'GET /secret') return standing.secret(consumer, query.get('which') ?? 'current');
    if (asked === 'GET /previous') return standing.previous();
    if (asked === 'GET /events') return standing.standing();
    if (asked === 'POST /proofs') return standing.prove(consumer, body);
    if (asked === 'POST /reports') return standing.report(consumer, body);
    throw refusal(404, 'NOT_FOUND', 'there is no such route');
  }

  function stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    let told = -1;
    const tell = (): void => {
      const now = standing.standing();
      if (now.epoch > told)
        response.write(`event: version\nid: ${String(now.epoch)}\ndata: ${JSON.stringify(now)}\n\n`);
      told = now.epoch;
    };
    response.once('close', standing.onChange(tell));
    tell();
  }

  const poll = (wait: number, epoch: number): Promise<void> =>
    changeUntil(() => standing.standing().epoch > epoch, Math.min(wait, longestPoll));

  /** Resolves once it holds, or after so many milliseconds. */
  function changeUntil(holds: () => boolean, within: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        stop();
        resolve();
      };
      const timer = setTimeout(end, within);
      const stop = standing.onChange(() => {
        if (holds()) end();
      });
      if (holds()) end();
    });
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  const issue: FakeKeybaton['issue'] = (fields, value = 'api_key') => ({
    version: `kb${randomBytes(15).toString('hex')}`,
    fields: fields ?? { username: 'someone', [value]: `fake-${randomBytes(18).toString('hex')}` },
    value,
  });
  const current = (version: FakeVersion): number => {
    const epoch = standing.decide(version);
    standing.show();
    return epoch;
  };
  return {
    ...{ credential, issue, missing: standing.missing },
    ...{ reports: standing.reports, reads: standing.reads, instances: standing.instances, rollBack: current },
    url: `http://127.0.0.1:${String(address.port)}`,
    token: (consumer = consumers[0] ?? '') => standing.token(consumer),
    rotate(fields, value) {
      const version = issue(fields, value);
      current(version);
      return version;
    },
    decide: (version) => standing.decide(version),
    show: () => standing.show(),
    compromise: ({ version }) => standing.compromise(version),
    async waitForProof(within = 10_000) {
      await changeUntil(() => standing.missing().length === 0, within);
      const missing = standing.missing();
      if (missing.length > 0) throw new Error(`not proved in ${String(within)} ms: ${JSON.stringify(missing)}`);
    },
    async answering(status, path, during) {
      planned = { status, path };
      try {
        return await during();
      } finally {
        planned = undefined;
      }
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function send(response: ServerResponse, status: number, answer: unknown, kind = 'application/json'): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, { 'content-type': kind }).end(answer === undefined ? undefined : JSON.stringify(answer));
}
