import { fastify } from 'fastify';
import { KeybatonError } from '../../domain/errors.ts';
import type { AccessLog } from '../access/access-log.ts';
import type { ConsumerTokens } from '../access/consumer-tokens.ts';
import type { ControlPorts } from '../ports.ts';
import { identify } from './caller.ts';
import { watchEpochs } from './epoch-watch.ts';
import { eventsRoute } from './events-route.ts';
import { evidenceRoute } from './evidence-route.ts';
import type { CheckProof } from './evidence-route.ts';
import { healthRoute } from './health-route.ts';
import { instancesRoute } from './instances-route.ts';
import { jsonBody } from './json-body.ts';
import { sendProblem, toKeybatonError } from './problem.ts';
import { requestLog } from './request-log.ts';
import type { LogDestination } from './request-log.ts';
import { secretRoute } from './secret-route.ts';
import { waker } from './waker.ts';

export interface HttpApiOptions {
  readonly ports: ControlPorts;
  readonly tokens: ConsumerTokens;
  readonly accessLog: AccessLog;
  readonly checkProof: CheckProof;
  /** Loopback unless told: TLS is a proxy's work. */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly log?: LogDestination;
  /** Milliseconds within which a whole request must have arrived: 10 000. A slow sender is cut off. */
  readonly requestTimeout?: number;
  /** Milliseconds between questions to the ledger for followers of a credential. */
  readonly askEvery?: number;
  /** Milliseconds between signs of life on an open event stream. */
  readonly pingEvery?: number;
  /** Milliseconds after which a stream ends, so that its token is looked at again: 900 000. */
  readonly streamFor?: number;
}

export interface HttpApi {
  readonly url: string;
  /** Ends streams and long polls, lets what runs finish, and closes. Ports, tokens and access log stay the caller's. */
  close(): Promise<void>;
}

const bodyLimit = 64 * 1024;

/** The HTTP surface that consumers need. Throws INVALID_CONFIG when the address cannot be listened on, or the tokens' file is open to others. */
export async function startHttpApi(options: HttpApiOptions): Promise<HttpApi> {
  const { ports, tokens, accessLog, checkProof, host = '127.0.0.1', port, requestTimeout = 10_000 } = options;
  const log = requestLog(options.log);
  // A file that others may read is refused now, not at the first request.
  await tokens.list();
  const app = fastify({
    logger: false,
    bodyLimit,
    requestTimeout,
    http: { headersTimeout: requestTimeout, connectionsCheckingInterval: Math.min(1_000, requestTimeout) },
    keepAliveTimeout: 30_000,
    routerOptions: { maxParamLength: 200, caseSensitive: true },
    forceCloseConnections: 'idle',
    // A HEAD of the secret would be a reading without an answer.
    exposeHeadRoutes: false,
  });

  const watch = watchEpochs(ports.ledger, options.askEvery ?? 250);
  const wakes = waker(ports.rotations, (code) => log.trouble('wake was not delivered', code));

  app.setErrorHandler(async (error, request, reply) => {
    const problem = toKeybatonError(error);
    log.failed(request, problem);
    return sendProblem(reply, problem);
  });
  app.setNotFoundHandler(() => {
    throw new KeybatonError('NOT_FOUND', 'there is no such route');
  });
  app.addHook('onResponse', async (request, reply) => log.answered(request, reply));

  jsonBody(app);
  healthRoute(app, ports);
  let endStreams = (): void => undefined;
  await app.register(async (guarded) => {
    guarded.addHook('onRequest', async (request) => identify(request, tokens, log, ports.now()));
    instancesRoute(guarded, ports);
    secretRoute(guarded, ports, accessLog, log);
    evidenceRoute(guarded, ports, checkProof, log, (credential) => wakes.wake(credential));
    endStreams = eventsRoute(guarded, watch, options.pingEvery ?? 15_000, options.streamFor ?? 900_000);
  });
  app.addHook('preClose', async () => endStreams());

  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new KeybatonError(
      'INVALID_CONFIG',
      `the API cannot listen on ${host} port ${String(port)} (${code}): choose another port`,
      {
        cause: error,
      },
    );
  }
  return {
    url: addressOf(app.server.address()),
    async close() {
      await app.close();
      watch.close();
      await wakes.close();
    },
  };
}

function addressOf(
  address: string | { readonly address: string; readonly family: string; readonly port: number } | null,
): string {
  if (address === null || typeof address === 'string')
    throw new KeybatonError('INVALID_CONFIG', 'the API needs a TCP port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${String(address.port)}`;
}
