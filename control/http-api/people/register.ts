import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { codeOf } from '../../../domain/errors.ts';
import type { People } from '../../access/people.ts';
import type { Principal } from '../../access/principal.ts';
import type { Operation, OperationPorts } from '../../operations/operation.ts';
import { packageVersion } from '../../cli/version.ts';
import { call, stillMay } from './call.ts';
import { identifyPerson, requirePrincipal } from './guard.ts';
import type { KeptAnswers } from './kept-answers.ts';
import { defaultLimits, openLimiter } from './limits.ts';
import type { Limiter, Limits } from './limits.ts';
import { metricsRoute } from './metrics-route.ts';
import { once, tagOf } from './preconditions.ts';
import { progressRoutes } from './progress-routes.ts';
import type { ProgressOptions } from './progress-routes.ts';
import { publishedSchema } from './published-schema.ts';
import { sentInput } from './read-input.ts';
import { referencePage } from './reference-page.ts';
import { peopleRoutes } from './routes.ts';

export interface PeopleApi {
  readonly people: People;
  /** Without a credential of any provider: see `without-providers.ts`. */
  readonly ports: OperationPorts;
  /** Undefined: no start is remembered by its idempotency key. */
  readonly kept?: KeptAnswers;
  readonly limits?: Limits;
  /** Milliseconds; see `ProgressOptions`. */
  readonly pace?: Partial<Omit<ProgressOptions, 'ask'>>;
}

/**
 * The people's side: every operation of the table behind the guard, and the description of all of it before it. Answers the
 * function that ends its streams.
 */
export async function registerPeople(app: FastifyInstance, api: PeopleApi): Promise<() => void> {
  const { people, ports, kept } = api;
  const limiter = await openLimiter(app, api.limits ?? defaultLimits);
  let endStreams = (): void => undefined;
  await app.register(helmet, { contentSecurityPolicy: { useDefaults: false, directives: apiPolicy } });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'keybaton',
        description: 'Rotations and emergencies over HTTP: the same operations, names and JSON as the command line.',
        version: packageVersion(),
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    },
  });
  // What is sent is checked once, by the operation's own schema; these are for the description alone.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));

  const ask = (request: FastifyRequest, operation: Operation, input: unknown): Promise<unknown> =>
    call({ operation, input, principal: requirePrincipal(request), people, ports });

  await app.register(async (guarded) => {
    guarded.addHook('onRequest', async (request) => {
      await identifyPerson(people, request).catch((thrown: unknown) => limiter.refused(request, thrown));
      await limiter.take(request, operationAt(request));
    });
    for (const route of peopleRoutes) {
      guarded.route({
        method: route.method,
        url: route.path,
        schema: publishedSchema(route),
        ...(route.operation.name === 'apply' ? { bodyLimit: twoFiles } : {}),
        handler: async (request, reply) => {
          const input = sentInput(route, request);
          const run = async () => asSent(await ask(request, route.operation, input));
          const again = () =>
            stillMay({ operation: route.operation, input, principal: requirePrincipal(request), people, ports });
          const { answer, kept: before } = await once(kept, route, request, input, run, again);
          if (before) void reply.header('idempotency-replayed', 'true');
          const tag = tagOf(route, answer);
          if (tag !== undefined) void reply.header('etag', tag);
          return reply.header('cache-control', 'no-store').type('application/json; charset=utf-8').send(answer);
        },
      });
    }
    guarded.get('/v1/whoami', { schema: { hide: true } }, (request) =>
      asSent(shownPrincipal(requirePrincipal(request))),
    );
    metricsRoute(app, guarded, async (request, operation) => {
      try {
        return await ask(request, operation, {});
      } catch (thrown) {
        if (codeOf(thrown) === 'UNAVAILABLE') return undefined;
        throw thrown;
      }
    });
    // A stream outlives what let its reader in: who it is, and what they may, is asked again at each look.
    const askAnew = async (request: FastifyRequest, operation: Operation, input: unknown): Promise<unknown> => {
      await identifyPerson(people, request);
      return ask(request, operation, input);
    };
    endStreams = progressRoutes(guarded, {
      ask: askAnew,
      ...{ askEvery: 1_000, pingEvery: 15_000, streamFor: 900_000 },
      ...api.pace,
    });
  });
  describe(app, limiter);
  return () => endStreams();
}

const byRoute = new Map(peopleRoutes.map(({ method, path, operation }) => [`${method} ${path}`, operation]));
const operationAt = ({ method, routeOptions }: FastifyRequest): Operation | undefined =>
  byRoute.get(`${method} ${String(routeOptions.url)}`);

function describe(app: FastifyInstance, limiter: Limiter): void {
  const hidden = { schema: { hide: true }, onRequest: (request: FastifyRequest) => limiter.takeOpen(request) } as const;
  app.get('/openapi.json', hidden, async (_request, reply) =>
    reply.type('application/json; charset=utf-8').serializer(String).send(JSON.stringify(app.swagger())),
  );
  app.get('/reference', hidden, async (_request, reply) => {
    const { html, policy } = referencePage(app.swagger());
    return reply
      .header('content-security-policy', policy)
      .type('text/html; charset=utf-8')
      .serializer(String)
      .send(html);
  });
}

/** Bytes: both files of `apply` as JSON. */
const twoFiles = 2 * 1024 * 1024;

const apiPolicy = { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"], 'base-uri': ["'none'"] };

/** Who you are to us, for yourself. */
const shownPrincipal = ({ actor, person, method, expiresAt, grants }: Principal) => ({
  actor,
  person,
  method,
  expiresAt,
  grants: grants.map(({ role, environments, teams, groups }) => ({ role, environments, teams, groups })),
});

/** What goes over the wire, and what is kept of it. */
const asSent = (answer: unknown): unknown => JSON.parse(JSON.stringify(answer, nothing)) as unknown;

/** As the command line prints it: a key that has nothing to say is there as `null`. */
function nothing(_key: string, value: unknown): unknown {
  return value === undefined ? null : value;
}
