import type { FastifyInstance } from 'fastify';
import {
  incidentListOperation,
  incidentReportOperation,
  incidentShowOperation,
} from '../../operations/table/incident.ts';
import { html } from '../html.ts';
import type { Fragment, Html } from '../html.ts';
import { named } from '../incident-named.ts';
import { incidentPart } from '../incident-part.ts';
import { live } from '../live.ts';
import { table } from '../table.ts';
import { asked } from '../visitor.ts';
import type { Answer, Desk } from '../web.ts';
import { send, show } from '../web.ts';
import { ago, counted, exactly, incidentLink, mark, troubleList } from '../words.ts';
import { incidentDoings, offeredAt } from './incident-doing.ts';

export type Line = Answer<typeof incidentListOperation>['incidents'][number];

/** Emergencies, and one of them with its running clock. Works while the ledger is down. */
export function incidentRoutes(app: FastifyInstance, desk: Desk): void {
  app.get('/incidents', async (request, reply) => {
    const { incidents, now, troubles } = await desk.look(request, incidentListOperation, { limit: 100 });
    const real = incidents.filter(({ drill }) => !drill);
    return show(request, reply, {
      title: 'Incidents',
      at: '/incidents',
      body: [troubleList(troubles), incidentTable(counted(real.length, 'emergency', 'emergencies'), real, now)],
    });
  });

  app.get('/incidents/:incident', async (request, reply) => {
    const incident = named(request);
    const view = await desk.look(request, incidentShowOperation, { incident });
    const open = view.closedAt === null;
    const did = incidentDoings[asked(request, 'did')];
    return show(request, reply, {
      title: `${view.drill ? 'Drill' : 'Incident'} ${incident}`,
      at: view.drill ? '/drills' : '/incidents',
      ...(open ? { again: 5 } : {}),
      body: [
        did !== undefined && html`<p role="status"><strong>Done:</strong> ${did.done}.</p>`,
        open ? live(`/incidents/${incident}/live`, 2, incidentPart(view)) : incidentPart(view),
        html`<p>
          ${view.scope}. Declared
          ${exactly(view.declaredAt)}${view.who !== null && ` by ${view.who}`}${view.why !== null && `: ${view.why}`}.
        </p>`,
        html`<div class="buttons">
          ${(await offeredAt(request, desk, view)).map(
            ([name, { button }]) => html`<a class="button" href="/incidents/${incident}/${name}">${button}</a>`,
          )}
          <a class="button" href="/incidents/${incident}/report">The report</a>
        </div>`,
      ],
    });
  });

  app.get('/incidents/:incident/live', async (request, reply) =>
    send(reply, incidentPart(await desk.look(request, incidentShowOperation, { incident: named(request) }))),
  );

  app.get('/incidents/:incident/report', async (request, reply) => {
    const incident = named(request);
    const { markdown, writtenAt } = await desk.look(request, incidentReportOperation, { incident });
    const when = writtenAt === null ? 'as it would be written now' : ['written ', exactly(writtenAt)];
    return show(request, reply, {
      title: `Report of ${incident}`,
      at: '/incidents',
      body: [html`<p>${incidentLink(incident)}, ${when}</p>`, html`<pre>${markdown}</pre>`],
    });
  });
}

export const incidentTable = (caption: Fragment, incidents: readonly Line[], now: number): Html =>
  table(
    caption,
    [
      { heading: 'Incident', cell: ({ incident }: Line) => incidentLink(incident) },
      {
        heading: 'State',
        cell: ({ closedAt }) => (closedAt === null ? mark('danger', 'open') : mark('well', 'closed')),
      },
      { heading: 'Declared', cell: ({ declaredAt }) => ago(declaredAt, now, '') },
      { heading: 'By', cell: ({ who }) => who },
      { heading: 'Why', cell: ({ why }) => why },
      { heading: 'Over', cell: ({ scope }) => scope },
      {
        heading: 'Keys',
        cell: ({ keys, contained, dead, unimported }) =>
          `${String(dead)} of ${String(keys)} dead, ${String(contained)} contained${unimported ? '; on this disk alone' : ''}`,
      },
    ],
    incidents,
    'none was ever declared.',
  );
