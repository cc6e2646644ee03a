import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { codeOf, errorTable, KeybatonError } from '../../../domain/errors.ts';
import {
  incidentCloseOperation,
  incidentShowOperation,
  incidentTakeOverOperation,
} from '../../operations/table/incident.ts';
import type { Operation } from '../../operations/operation.ts';
import { told } from '../../operations/within.ts';
import { choose, confirmation } from '../confirm.ts';
import { html } from '../html.ts';
import type { Fragment } from '../html.ts';
import type { Incident } from '../incident-part.ts';
import { named } from '../incident-named.ts';
import { alert } from '../layout.ts';
import { needs, may } from '../may.ts';
import { asked, field, visitorOf } from '../visitor.ts';
import type { Desk } from '../web.ts';
import { show } from '../web.ts';
import { counted, incidentLink } from '../words.ts';

interface IncidentDoing {
  readonly operation: Operation;
  readonly button: string;
  readonly happens: (view: Incident) => readonly Fragment[];
  readonly done: string;
  readonly asksWhy: boolean;
  readonly offered: (view: Incident) => boolean;
  /** Credentials to choose from; undefined: it is over the whole incident. */
  readonly among?: (view: Incident) => readonly string[];
}

const stuck = ({ open }: Incident): readonly string[] => [
  ...new Set(open.filter(({ state }) => state !== 'revoked, not yet dead').map(({ credential }) => credential)),
];

/** What a person can do to a running incident, by the last part of its address. */
export const incidentDoings: Readonly<Record<string, IncidentDoing>> = {
  'take-over': {
    operation: incidentTakeOverOperation,
    button: 'Take a rotation over',
    happens: () => [
      'The rotation of this credential is ended where it stands, and started anew with the emergency.',
      'Nothing that it has made is lost: the new one asks the ledger, the backends and the provider what is there.',
    ],
    done: 'its rotation was ended and started anew',
    asksWhy: false,
    offered: (view) => view.closedAt === null && view.running && stuck(view).length > 0,
    among: stuck,
  },
  close: {
    operation: incidentCloseOperation,
    button: 'Close the incident',
    happens: ({ keys, counts }) => [
      counts.dead < keys
        ? `${counted(keys - counts.dead, 'key')} of ${String(keys)} not proved dead: what is not dead stays a debt, and is killed on.`
        : 'Every key is proved dead.',
      'The clock stops and the report is written.',
    ],
    done: 'it has been asked to close',
    asksWhy: true,
    offered: ({ closedAt }) => closedAt === null,
  },
};

/** Those that this visitor may do to this incident now. */
export async function offeredAt(
  request: FastifyRequest,
  desk: Desk,
  view: Incident,
): Promise<readonly (readonly [string, IncidentDoing])[]> {
  const offered = Object.entries(incidentDoings).filter(([, one]) => one.offered(view));
  if (offered.length === 0) return [];
  const reach = await desk.reach(request, incidentShowOperation, { incident: view.incident });
  return offered.filter(([, { operation }]) => may(request, operation, reach));
}

export function incidentDoingRoutes(app: FastifyInstance, desk: Desk): void {
  for (const [name, one] of Object.entries(incidentDoings)) {
    app.get(`/incidents/:incident/${name}`, async (request, reply) => {
      const incident = named(request);
      const view = await desk.look(request, incidentShowOperation, { incident });
      needs(request, one.operation, await desk.reach(request, incidentShowOperation, { incident }));
      if (!one.offered(view))
        throw new KeybatonError('CONFLICT', `there is nothing of ${incident} for this any more: look at its page`);
      return page(request, reply, { name, one, view, wrong: null });
    });

    app.post(`/incidents/:incident/${name}`, async (request, reply) => {
      const incident = named(request);
      const said = {
        ...(one.asksWhy && { why: field(request, 'why') }),
        ...(one.among && { credential: field(request, 'credential') }),
      };
      try {
        await desk.ask(request, one.operation, { incident, ...said });
      } catch (thrown) {
        const view = await desk.look(request, incidentShowOperation, { incident }).catch(() => {
          throw thrown;
        });
        const wrong = alert(html`<p><strong>This was not done.</strong> ${told(thrown)}</p>`);
        return page(request, reply.code(errorTable[codeOf(thrown)].status), { name, one, view, wrong });
      }
      return reply.redirect(`/incidents/${incident}?did=${name}`, 303);
    });
  }
}

async function page(
  request: FastifyRequest,
  reply: FastifyReply,
  {
    name,
    one,
    view,
    wrong,
  }: { readonly name: string; readonly one: IncidentDoing; readonly view: Incident; readonly wrong: Fragment },
): Promise<string> {
  const { incident } = view;
  const { button, happens, asksWhy, among } = one;
  const chosen = field(request, 'credential') || asked(request, 'credential');
  return show(request, reply, {
    title: button,
    at: '/incidents',
    body: [
      html`<p>${incidentLink(incident)}: ${view.scope}</p>`,
      wrong,
      confirmation({
        action: `/incidents/${incident}/${name}`,
        happens: happens(view),
        fields: among && choose('Credential', 'credential', among(view), chosen),
        button,
        danger: false,
        back: `/incidents/${incident}`,
        why: field(request, 'why'),
        asksWhy,
        proof: visitorOf(request).proof,
      }),
    ],
  });
}
