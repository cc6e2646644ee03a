import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { KeybatonError } from '../../../domain/errors.ts';
import type { Operation } from '../../operations/operation.ts';
import { historyOperation } from '../../operations/table/history.ts';
import { incidentShowOperation } from '../../operations/table/incident.ts';
import { statusOperation } from '../../operations/table/status.ts';
import { requirePrincipal } from './guard.ts';

export interface ProgressOptions {
  /** As a caller who is asked for again each time: who may no longer see it is told no more. */
  readonly ask: (request: FastifyRequest, operation: Operation, input: unknown) => Promise<unknown>;
  /** Milliseconds between questions, signs of life, and until the stream ends so that its reader comes back. */
  readonly askEvery: number;
  readonly pingEvery: number;
  readonly streamFor: number;
}

/** Streams of one caller at once. */
const perCaller = 20;
const credentialPath = '/v1/credentials/:provider/:environment/:application';

interface Sent {
  readonly event: string;
  /** What a reader says as Last-Event-ID when it comes back. */
  readonly id?: string;
  readonly data: unknown;
}
/** Asks once, and answers what is new since the last time. */
type Look = () => Promise<readonly Sent[]>;

/**
 * Server-sent events of what goes on: of one credential its events (`id`: their number) and its status at each change; of
 * one incident its view; of everything the events that the caller may see. Answers the function that ends them all.
 */
export function progressRoutes(app: FastifyInstance, { ask, ...pace }: ProgressOptions): () => void {
  const open = new Map<() => void, string>();

  const follow = (request: FastifyRequest, reply: FastifyReply, look: Look): Promise<FastifyReply> => {
    const { actor } = requirePrincipal(request);
    if ([...open.values()].filter((one) => one === actor).length >= perCaller)
      throw new KeybatonError('RATE_LIMITED', `more than ${perCaller} streams are open: end one first`);
    return stream({ reply, look, pace, actor, open });
  };

  app.get(
    `${credentialPath}/progress`,
    { schema: described('Events of one credential as they are written, and its status at each change') },
    async (request, reply) => {
      const { provider, environment, application } = request.params as Record<string, string>;
      const credential = `${String(provider)}/${String(environment)}/${String(application)}`;
      const events = newEvents((input) => ask(request, historyOperation, input), lastId(request), { credential });
      const status = changes('status', () => ask(request, statusOperation, { credential }));
      return follow(request, reply, async () => [...(await events()), ...(await status())]);
    },
  );

  app.get(
    '/v1/incidents/:incident/progress',
    { schema: described('One emergency at each change') },
    async (request, reply) => {
      const { incident } = request.params as Record<string, string>;
      const look = changes(
        'incident',
        () => ask(request, incidentShowOperation, { incident }),
        request.headers['last-event-id'],
      );
      return follow(request, reply, look);
    },
  );

  app.get(
    '/v1/history/progress',
    { schema: described('Every event that may be seen, as it is written') },
    async (request, reply) =>
      follow(
        request,
        reply,
        newEvents((input) => ask(request, historyOperation, input), lastId(request), {}),
      ),
  );

  return () => [...open.keys()].forEach((end) => end());
}

const described = (summary: string) =>
  ({
    summary,
    tags: ['progress'],
    security: [{ token: [] }],
    response: {
      200: { description: 'server-sent events', content: { 'text/event-stream': { schema: { type: 'string' } } } },
    },
  }) as const;

function lastId(request: FastifyRequest): number | undefined {
  const text = request.headers['last-event-id'];
  return typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

interface Page {
  readonly events: readonly { readonly n: number }[];
  readonly next: number | null;
}

function newEvents(ask: (input: unknown) => Promise<unknown>, from: number | undefined, which: object): Look {
  let afterN = from;
  const page = async (input: object): Promise<Page> => (await ask({ ...which, ...input })) as Page;
  return async () => {
    // Without an id only what comes from now on is told.
    afterN ??= (await page({ limit: 1 })).events.at(-1)?.n ?? 0;
    const { events, next } = await page({ afterN, limit: 500 });
    afterN = next ?? events.at(-1)?.n ?? afterN;
    return events.map((data) => ({ event: 'event', id: String(data.n), data }));
  };
}

function changes(event: string, ask: () => Promise<unknown>, seen?: string | string[]): Look {
  let last = seen;
  return async () => {
    const view = (await ask()) as Readonly<Record<string, unknown>>;
    // Only the clock went on: that is no news.
    const id = createHash('sha256')
      .update(JSON.stringify({ ...view, now: 0 }))
      .digest('hex')
      .slice(0, 16);
    if (id === last) return [];
    last = id;
    return [{ event, ...(event === 'incident' ? { id } : {}), data: view }];
  };
}

interface Stream {
  readonly reply: FastifyReply;
  readonly look: Look;
  readonly pace: Omit<ProgressOptions, 'ask'>;
  readonly actor: string;
  readonly open: Map<() => void, string>;
}

async function stream({ reply, look, pace, actor, open }: Stream): Promise<FastifyReply> {
  // Whoever may not is refused as anywhere else, before anything is streamed.
  const first = await look();
  reply.hijack();
  const { raw } = reply;
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) raw.setHeader(name, value);
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
  const write = (text: string): void => {
    // A reader that does not read is cut off; it comes back and says where it was. Once it has ended nothing is told any more.
    if (!raw.writableEnded && !raw.write(text)) raw.destroy();
  };
  const send = ({ event, id, data }: Sent): void =>
    write(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data, nothing)}\n\n`);
  const stopped = new AbortController();
  const end = (): void => {
    stopped.abort();
    clearInterval(ping);
    clearTimeout(limit);
    open.delete(end);
    raw.end();
  };
  const ping = setInterval(() => write(': still here\n\n'), pace.pingEvery);
  const limit = setTimeout(end, pace.streamFor);
  open.set(end, actor);
  raw.on('close', end);
  write(': keybaton\n\n');
  first.forEach(send);
  void (async () => {
    while (!stopped.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, pace.askEvery).unref());
      if (stopped.signal.aborted) return;
      (await look()).forEach(send);
    }
  })().catch(() => {
    // What cannot be asked any more, or by this caller: its reader comes back and is told why.
    end();
  });
  return reply;
}

function nothing(_key: string, value: unknown): unknown {
  return value === undefined ? null : value;
}
