import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { codeOf } from '../../domain/errors.ts';
import { following, read } from './bodies.ts';
import { credentialPath, requireCaller } from './caller.ts';
import type { EpochWatch, Standing } from './epoch-watch.ts';

export interface EventsOptions {
  readonly watch: EpochWatch;
  /** Milliseconds between signs of life. At each of them whoever reads must still be let in. */
  readonly pingEvery: number;
  /** Milliseconds after which a stream ends, whoever reads it. */
  readonly streamFor: number;
  /** As at the beginning of the request. */
  readonly identify: (request: FastifyRequest) => Promise<void>;
}

/**
 * Which version to use, now and at every change; no secret. With `wait`: one JSON answer as soon as a higher epoch than
 * `epoch` stands, or after `wait` milliseconds. Without: server-sent events, each `event: version`.
 * Answers the function that ends all of them.
 */
export function eventsRoute(
  app: FastifyInstance,
  { watch, pingEvery, streamFor, identify }: EventsOptions,
): () => void {
  const open = new Set<() => void>();

  app.get(`${credentialPath}/events`, async (request, reply) => {
    const { credential } = requireCaller(request);
    const { wait, epoch } = read(following, request.query);
    const standing = await watch.standing(credential);
    if (wait === undefined) return stream(request, reply, standing);
    void reply.header('cache-control', 'no-store');
    if (wait === 0 || epoch === undefined || standing.epoch > epoch) return standing;
    return await new Promise<Standing>((resolve) => {
      const end = (answer: Standing): void => {
        clearTimeout(timer);
        stop();
        open.delete(giveUp);
        request.raw.socket.off('close', giveUp);
        resolve(answer);
      };
      const giveUp = (): void => end(standing);
      const timer = setTimeout(giveUp, wait);
      const stop = watch.follow(credential, epoch, end);
      open.add(giveUp);
      request.raw.socket.once('close', giveUp);
    });
  });

  function stream(request: FastifyRequest, reply: FastifyReply, standing: Standing): FastifyReply {
    const { credential } = requireCaller(request);
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    // A reader that does not read is cut off: it comes back and is told the newest epoch, so nothing is lost.
    const write = (text: string): void => {
      if (!raw.writableEnded && !raw.write(text)) raw.destroy();
    };
    const tell = (now: Standing): void =>
      write(`event: version\nid: ${String(now.epoch)}\ndata: ${JSON.stringify(now)}\n\n`);
    const end = (): void => {
      raw.end();
    };
    const ping = setInterval(() => {
      write(': still here\n\n');
      // A token that has run out or was revoked ends its stream. Where that cannot be told now, `streamFor` does.
      identify(request).catch((thrown: unknown) => codeOf(thrown) === 'ACCESS_DENIED' && end());
    }, pingEvery);
    const stop = watch.follow(credential, standing.epoch, tell);
    const over = setTimeout(end, streamFor);
    raw.once('close', () => {
      clearInterval(ping);
      clearTimeout(over);
      stop();
      open.delete(end);
    });
    open.add(end);
    tell(standing);
    return reply;
  }

  return () => {
    for (const end of [...open]) end();
  };
}
