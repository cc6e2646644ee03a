import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { codeOf, errorTable, KeybatonError } from '../../../domain/errors.ts';
import type { CredentialId } from '../../../domain/identifiers.ts';
import { scopeOf } from '../../operations/table/scopes.ts';
import { showOperation } from '../../operations/table/show.ts';
import { statusOperation } from '../../operations/table/status.ts';
import type { Reach } from '../../operations/operation.ts';
import { told } from '../../operations/within.ts';
import { choose, confirmation } from '../confirm.ts';
import { doings } from '../doings.ts';
import type { Doing, Known } from '../doings.ts';
import { html } from '../html.ts';
import type { Fragment } from '../html.ts';
import { alert } from '../layout.ts';
import { may, needs } from '../may.ts';
import { field, visitorOf } from '../visitor.ts';
import type { Desk } from '../web.ts';
import { show } from '../web.ts';
import { credentialLink } from '../words.ts';
import { credentialOf, credentialPath } from '../credential-path.ts';
import { waitingFor } from '../approval-note.ts';

/** Each doing has a page of its own, that says what will happen before it does. */
export function doingRoutes(app: FastifyInstance, desk: Desk): void {
  for (const [name, one] of Object.entries(doings)) {
    app.get(`${credentialPath}/${name}`, async (request, reply) =>
      page(request, reply, { name, one, known: await knownOf(request, desk), wrong: null }),
    );
    app.post(`${credentialPath}/${name}`, async (request, reply) => {
      const credential = credentialOf(request);
      try {
        await desk.ask(request, one.operation, inputOf(request, credential, one));
      } catch (thrown) {
        return refused(request, reply, { name, one, thrown });
      }
      return reply.redirect(`/credentials/${credential}?did=${name}`, 303);
    });
  }

  async function refused(
    request: FastifyRequest,
    reply: FastifyReply,
    { name, one, thrown }: { readonly name: string; readonly one: Doing; readonly thrown: unknown },
  ): Promise<string> {
    // Where not even looking is allowed, or possible, the error is all there is to show.
    const known = await knownOf(request, desk).catch(() => {
      throw thrown;
    });
    const credential = credentialOf(request);
    const asked =
      one.second !== undefined && codeOf(thrown) === 'CONFLICT'
        ? await waitingFor(request, desk, one.operation, credential)
        : null;
    const wrong = asked ?? alert(html`<p><strong>This was not done.</strong> ${told(thrown)}</p>`);
    return page(request, reply.code(errorTable[codeOf(thrown)].status), { name, one, known, wrong });
  }
}

/** Those that this visitor may do here, and that there is something to do for. */
export function offeredTo(request: FastifyRequest, known: Known): readonly (readonly [string, Doing])[] {
  const reach = reachOf(known);
  return Object.entries(doings).filter(([, one]) => one.offered(known) && may(request, one.operation, reach));
}

const reachOf = ({ view: { entry } }: Known): Reach => ({
  kind: 'entries',
  // The shapes of answers say their ids as text.
  entries: [scopeOf({ ...entry, id: entry.id as CredentialId })],
});

async function knownOf(request: FastifyRequest, desk: Desk): Promise<Known> {
  const credential = credentialOf(request);
  const [view, status] = await Promise.all([
    desk.look(request, showOperation, { credential }),
    desk.look(request, statusOperation, { credential }),
  ]);
  return { view, status };
}

function inputOf(request: FastifyRequest, credential: CredentialId, { choice, also }: Doing): unknown {
  const why = field(request, 'why');
  return { credential, why, ...also, ...(choice && { [choice.name]: field(request, choice.name) }) };
}

async function page(
  request: FastifyRequest,
  reply: FastifyReply,
  {
    name,
    one,
    known,
    wrong,
  }: { readonly name: string; readonly one: Doing; readonly known: Known; readonly wrong: Fragment },
): Promise<string> {
  const credential = credentialOf(request);
  if (wrong === null) needs(request, one.operation, reachOf(known));
  const { button, danger = false, second, choice, happens, offered } = one;
  const { proof } = visitorOf(request);
  if (wrong === null && !offered(known))
    throw new KeybatonError('CONFLICT', `nothing of ${credential} is in a state for this any more: look at its page`);
  const names = choice?.among(known) ?? [];
  return show(request, reply, {
    title: button,
    at: '/',
    body: [
      html`<p>${credentialLink(credential)}</p>`,
      wrong,
      confirmation({
        action: `/credentials/${credential}/${name}`,
        happens: happens(known),
        ...(second === undefined ? {} : { second }),
        fields: choice && choose(choice.label, choice.name, names, field(request, choice.name)),
        button,
        danger,
        back: `/credentials/${credential}`,
        why: field(request, 'why'),
        proof,
      }),
    ],
  });
}
