import { randomUUID } from 'node:crypto';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { KeybatonError } from '../../domain/errors.ts';
import type { AccessLog } from '../access/access-log.ts';
import type { ConsumerTokens } from '../access/consumer-tokens.ts';
import type { ControlPorts } from '../ports.ts';
import type { Workloads } from '../access/workloads.ts';
import { registerWeb } from '../web/register.ts';
import type { WebOptions } from '../web/web.ts';
import { identify } from './caller.ts';
import { checkRoute } from './check-route.ts';
import { saySoEvery } from './served.ts';
import { watchEpochs } from './epoch-watch.ts';
import { eventsRoute } from './events-route.ts';
import { evidenceRoute } from './evidence-route.ts';
import type { CheckProof } from './evidence-route.ts';
import { healthRoute } from './health-route.ts';
import { instancesRoute } from './instances-route.ts';
import { jsonBody } from './json-body.ts';
import { limitAddresses } from './people/address-limits.ts';
import type { AddressLimits } from './people/address-limits.ts';
import { registerPeople } from './people/register.ts';
import type { PeopleApi } from './people/register.ts';
import { previousRoute } from './previous-route.ts';
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
  /**
   * Addresses and networks of proxies in front of it: their X-Forwarded-For is believed, by limits, logs and the record, and
   * nobody else's. Unsaid: none.
   */
  readonly proxies?: readonly string[];
  readonly log?: LogDestination;
  /** Milliseconds within which a whole request must have arrived: 10 000. A slow sender is cut off. */
  readonly requestTimeout?: number;
  /** Milliseconds between questions to the ledger for followers of a credential. */
  readonly askEvery?: number;
  /** Milliseconds between signs of life on an open event stream, at each of which its token must still be good. */
  readonly pingEvery?: number;
  /** Milliseconds after which a stream ends, whoever reads it: 900 000. */
  readonly streamFor?: number;
  /** Milliseconds that `close` lets what runs finish: 5 000. */
  readonly closeWithin?: number;
  /** The people's side; undefined: there is none, and its routes do not exist. */
  readonly people?: PeopleApi & WebOptions;
  /** Ways to sign in beside a token. */
  readonly signIn?: (app: FastifyInstance) => Promise<void>;
  /** How often one address may ask for pages, and sign in. */
  readonly addressLimits?: AddressLimits;
  /** Consumers that show a token of their platform; undefined: consumer tokens alone. */
  readonly workloads?: Workloads;
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
    // Ours alone: what a caller sends would stand in our log.
    genReqId: () => randomUUID(),
    trustProxy: options.proxies === undefined ? false : [...options.proxies],
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
  app.addHook('onRequest', async (request, reply) => void reply.header('x-request-id', request.id));
  app.addHook('onResponse', async (request, reply) => log.answered(request, reply));

  jsonBody(app);
  healthRoute(app, ports);
  let endStreams = (): void => undefined;
  await app.register(async (guarded) => {
    const letIn = (request: FastifyRequest): Promise<void> =>
      identify(request, tokens, log, ports.now(), options.workloads);
    guarded.addHook('onRequest', letIn);
    instancesRoute(guarded, ports);
    secretRoute(guarded, ports, accessLog, log);
    previousRoute(guarded, ports);
    checkRoute(guarded, ports, checkProof, log);
    evidenceRoute(guarded, ports, checkProof, log, (credential) => wakes.wake(credential));
    const { pingEvery = 15_000, streamFor = 900_000 } = options;
    endStreams = eventsRoute(guarded, { watch, pingEvery, streamFor, identify: letIn });
  });
  app.addHook('preClose', async () => endStreams());
  const { people } = options;
  let endProgress = (): void => undefined;
  if (people !== undefined)
    await app.register(async (scope) => {
      endProgress = await registerPeople(scope, people);
    });
  app.addHook('preClose', async () => endProgress());
  const { signIn } = options;
  await app.register(async (front) => {
    if (people !== undefined || signIn !== undefined) await limitAddresses(front, options.addressLimits);
    if (people !== undefined) await front.register(async (scope) => registerWeb(scope, people));
    if (signIn !== undefined) await front.register(async (scope) => signIn(scope));
  });

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
  const saying = saySoEvery(ports.ledger, (code) =>
    log.trouble('the ledger was not told that consumers can reach us', code),
  );
  return {
    url: addressOf(app.server.address()),
    async close() {
      saying.close();
      // Whoever connected and sent nothing would otherwise hold us up for as long as he pleases.
      const late = setTimeout(() => app.server.closeAllConnections(), options.closeWithin ?? 5_000);
      await app.close();
      clearTimeout(late);
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
