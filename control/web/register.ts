import cookie from '@fastify/cookie';
import formbody from '@fastify/formbody';
import helmet from '@fastify/helmet';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { codeOf, KeybatonError } from '../../domain/errors.ts';
import { defaultLimits, openLimiter } from '../http-api/people/limits.ts';
import { toKeybatonError } from '../http-api/problem.ts';
import { assetRoutes } from './assets.ts';
import { isPart, sendError } from './error-page.ts';
import { approvalRoutes } from './pages/approvals.ts';
import { byHandRoutes } from './pages/by-hand.ts';
import { credentialRoutes } from './pages/credential.ts';
import { doingRoutes } from './pages/doing.ts';
import { drillRoutes } from './pages/drills.ts';
import { emergencyRoutes } from './pages/emergency.ts';
import { incidentDoingRoutes } from './pages/incident-doing.ts';
import { incidentRoutes } from './pages/incidents.ts';
import { inventoryRoutes } from './pages/inventory.ts';
import { reviewRoutes } from './pages/reviews.ts';
import { rotationRoutes } from './pages/rotations.ts';
import { signInRoutes } from './pages/sign-in.ts';
import { unmanagedRoutes } from './pages/unmanaged.ts';
import { whoseRoutes } from './pages/whose.ts';
import { checkForm, identifyVisitor, sessionOf } from './visitor.ts';
import { countFor } from './waiting.ts';
import type { WebOptions } from './web.ts';
import { openDesk } from './web.ts';

const self = ["'self'"];
const none = ["'none'"];
const policy = {
  'default-src': none,
  'script-src': self,
  'style-src': self,
  'img-src': self,
  'connect-src': self,
  'form-action': self,
  'frame-ancestors': none,
  'base-uri': none,
};

/** The pages that people look at, below `/`. Everything they do goes through an operation and its guard. */
export async function registerWeb(app: FastifyInstance, options: WebOptions): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: policy },
    // With `no-referrer` browsers send forms with the origin `null`, which tells us nothing.
    referrerPolicy: { policy: 'same-origin' },
    frameguard: { action: 'deny' },
  });
  await app.register(cookie);
  await app.register(formbody);
  app.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'no-store');
  });
  app.setErrorHandler(async (thrown, request, reply) => sendError(request, reply, toKeybatonError(thrown)));

  app.decorateRequest('signedIn', false);
  assetRoutes(app);
  const limiter = await openLimiter(app, options.limits ?? defaultLimits);
  signInRoutes(app, options, limiter);
  const desk = openDesk(options);
  const visit = async (request: FastifyRequest): Promise<void> => {
    await identifyVisitor(options.people, request).catch((thrown: unknown) => {
      if (sessionOf(request) === undefined) throw thrown;
      // A cookie that is no sign-in may be a guess.
      return limiter.refused(request, thrown);
    });
    request.signedIn = true;
    countFor(request, desk);
  };
  unknownRoute(app, visit);
  await app.register(async (guarded) => {
    guarded.setErrorHandler(async (thrown, request, reply) => {
      const error = toKeybatonError(thrown);
      if (request.signedIn) return sendError(request, reply, error);
      if (error.code !== 'ACCESS_DENIED') return sendError(request, reply, error);
      return toSignIn(request, reply);
    });
    guarded.addHook('onRequest', async (request) => {
      await visit(request);
      await limiter.take(request, isUrgent(request) ? { name: 'emergency', effect: 'read' } : undefined);
    });
    guarded.addHook('preHandler', async (request) => {
      if (request.method !== 'GET') checkForm(request, sessionOf(request));
    });
    inventoryRoutes(guarded, desk);
    credentialRoutes(guarded, desk);
    doingRoutes(guarded, desk);
    emergencyRoutes(guarded, desk);
    whoseRoutes(guarded, desk);
    incidentRoutes(guarded, desk);
    incidentDoingRoutes(guarded, desk);
    byHandRoutes(guarded, desk);
    rotationRoutes(guarded, desk);
    unmanagedRoutes(guarded, desk);
    approvalRoutes(guarded, desk);
    reviewRoutes(guarded, desk);
    drillRoutes(guarded, desk);
  });
}

declare module 'fastify' {
  interface FastifyRequest {
    signedIn: boolean;
  }
}

/** What is needed to kill a key, or to see whether it is dead, is never used up by what somebody looked at before. */
const isUrgent = ({ routeOptions: { url = '' } }: FastifyRequest): boolean =>
  /^\/(emergency|whose|incidents\/|sign-out)|\/by-hand$/.test(url);

/** An address that nobody knows: a page for whoever looks at pages, and for programs what the API says. */
function unknownRoute(app: FastifyInstance, visit: (request: FastifyRequest) => Promise<void>): void {
  app.get('/*', async (request, reply) => {
    const wantsPage = (request.headers.accept ?? '').includes('text/html') && !/^\/v\d+(\/|$)/.test(request.url);
    if (!wantsPage) return reply.callNotFound();
    await visit(request).catch((thrown: unknown) => {
      if (codeOf(thrown) !== 'ACCESS_DENIED') throw thrown;
    });
    throw new KeybatonError('NOT_FOUND', 'there is no page at this address');
  });
}

/** Back to where they wanted to be, once they have signed in. */
function toSignIn(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const back = request.method === 'GET' && !isPart(request) && request.url !== '/';
  const path = back ? `/sign-in?next=${encodeURIComponent(request.url)}` : '/sign-in';
  return isPart(request) ? reply.code(403).header('hx-redirect', path).send() : reply.redirect(path, 303);
}
