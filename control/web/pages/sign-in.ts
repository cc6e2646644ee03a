import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { codeOf, KeybatonError } from '../../../domain/errors.ts';
import type { Limiter } from '../../http-api/people/limits.ts';
import { html } from '../html.ts';
import type { Fragment } from '../html.ts';
import { alert, layout, proofField } from '../layout.ts';
import {
  asked,
  checkForm,
  cookieOptions,
  endSession,
  field,
  formProof,
  keepSession,
  sessionOf,
  strangerCookie,
  tokenShape,
} from '../visitor.ts';
import type { WebOptions } from '../web.ts';
import { send } from '../web.ts';

/** Signing in by a token needs neither ledger nor identity provider. */
export function signInRoutes(
  app: FastifyInstance,
  { people, session, signOut, signIns = [] }: WebOptions,
  limiter: Limiter,
): void {
  async function page(request: FastifyRequest, reply: FastifyReply, next: string, wrong: Fragment): Promise<string> {
    const known = request.cookies[strangerCookie];
    const cookie = known !== undefined && tokenShape.test(known) ? known : randomBytes(32).toString('base64url');
    void reply.setCookie(strangerCookie, cookie, cookieOptions(request));
    return send(
      reply,
      layout({
        title: 'Sign in',
        body: html`${wrong}
          ${signIns.map(({ name, path }) => html`<p><a class="button" href="${path}">Sign in with ${name}</a></p>`)}
          <form class="stack" method="post" action="/sign-in" autocomplete="off">
            ${proofField(formProof(cookie))}
            <input type="hidden" name="next" value="${next}" />
            <label
              >Token
              <span class="hint" id="token-hint"
                >Your own, or a break-glass token. It works while everything else is down.</span
              >
              <input type="password" name="token" required autocomplete="off" aria-describedby="token-hint" />
            </label>
            <div><button>Sign in</button></div>
          </form>`,
      }),
    );
  }

  app.get('/sign-in', async (request, reply) => page(request, reply, asked(request, 'next'), null));

  app.post('/sign-in', async (request, reply) => {
    checkForm(request, request.cookies[strangerCookie]);
    const token = field(request, 'token').trim();
    const next = field(request, 'next');
    const refused = alert(html`<p>That token is not accepted: it is wrong, or no longer counts.</p>`);
    try {
      if (!tokenShape.test(token)) throw new KeybatonError('ACCESS_DENIED', 'no token looks like this');
      const principal = await people.identify({ authorization: `Bearer ${token}` }, request.ip);
      const kept = session === undefined ? { token, expiresAt: principal.expiresAt } : await session(principal);
      keepSession(request, reply, { token: kept.token, lasts: kept.expiresAt - Date.now() });
    } catch (thrown) {
      if (codeOf(thrown) !== 'ACCESS_DENIED') throw thrown;
      // Beyond the limit it is this that is thrown: whoever guesses waits.
      await limiter.refused(request, thrown).catch((counted: unknown) => {
        if (codeOf(counted) !== 'ACCESS_DENIED') throw counted;
      });
      return page(request, reply.code(403), next, refused);
    }
    return reply.redirect(ownPath(next), 303);
  });

  app.post('/sign-out', async (request, reply) => {
    checkForm(request, sessionOf(request));
    endSession(request, reply);
    await signOut?.(sessionOf(request) ?? '', request.ip);
    return reply.redirect('/sign-in', 303);
  });
}

/** Only a path of this site: `//host` and `/\host` are others. */
function ownPath(next: string): string {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(next) ? next : '/';
}
