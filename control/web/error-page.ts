import type { FastifyReply, FastifyRequest } from 'fastify';
import { errorTable } from '../../domain/errors.ts';
import type { ErrorCode, KeybatonError } from '../../domain/errors.ts';
import { html } from './html.ts';
import { alert, layout } from './layout.ts';
import { ledgerBanner } from './ledger-banner.ts';
import { ledgerTrouble } from './ledger-patience.ts';
import { visitorOf } from './visitor.ts';
import { waitingIn } from './waiting.ts';
import { send } from './web.ts';

/** In the words of whoever reads it at night; the other codes are told by what they mean. */
const titles: Partial<Record<ErrorCode, string>> = {
  NOT_FOUND: 'Not found',
  ACCESS_DENIED: 'Not yours to do',
  RATE_LIMITED: 'Too many requests',
  UNAVAILABLE: 'Something does not answer',
  CONFLICT: 'Not as things stand',
  INVALID_CONFIG: 'Something is missing or wrong',
};

export const isPart = (request: FastifyRequest): boolean => request.headers['hx-request'] === 'true';

/** An error as a page of its own, or as the part of one that asked for itself again. */
export async function sendError(request: FastifyRequest, reply: FastifyReply, error: KeybatonError): Promise<string> {
  const { status, means, retryable } = errorTable[error.code];
  void reply.code(status);
  const seconds = Math.max(1, Math.ceil((error.retryAfter ?? 2_000) / 1_000));
  if (retryable) void reply.header('retry-after', String(seconds));
  const text = html`<p><strong>${means}.</strong></p>
    <p>${error.message}</p>`;
  if (isPart(request)) return send(reply, alert(text));
  const { signedIn } = request;
  const body = [
    alert(text),
    error.code === 'RATE_LIMITED' && html`<p>Ask again in ${seconds} s. Emergencies are counted apart.</p>`,
    signedIn
      ? html`<p>
          <a href="/">The inventory</a>. Whatever else is down, these work: <a href="/emergency">emergency</a>,
          <a href="/whose">whose is this?</a>
        </p>`
      : html`<p><a href="/sign-in">Sign in</a></p>`,
  ];
  const title = titles[error.code] ?? means;
  if (!signedIn) return send(reply, layout({ title, body }));
  const banner = ledgerBanner(ledgerTrouble(request));
  return send(reply, layout({ title, body, banner, visitor: visitorOf(request), waiting: await waitingIn(request) }));
}
