import type { FastifyInstance } from 'fastify';
import { formatDuration } from '../../../domain/duration.ts';
import { drillListOperation } from '../../operations/table/drill-list.ts';
import { incidentListOperation } from '../../operations/table/incident.ts';
import { html } from '../html.ts';
import { table } from '../table.ts';
import type { Answer, Desk } from '../web.ts';
import { show } from '../web.ts';
import { ago, counted, credentialLink, incidentLink, mark, troubleList } from '../words.ts';
import { incidentTable } from './incidents.ts';

type Drill = Answer<typeof drillListOperation>['drills'][number];

const took = (milliseconds: number | null | undefined): string =>
  milliseconds === null || milliseconds === undefined ? 'never' : formatDuration(milliseconds);

/** The emergencies that were only practised, and what each came to. */
export function drillRoutes(app: FastifyInstance, desk: Desk): void {
  app.get('/drills', async (request, reply) => {
    const [{ drills, never, now }, { incidents, troubles }] = await Promise.all([
      desk.look(request, drillListOperation, {}),
      desk.look(request, incidentListOperation, { limit: 200 }),
    ]);
    const practised = incidents.filter(({ drill }) => drill);
    return show(request, reply, {
      title: 'Drills',
      at: '/drills',
      body: [
        troubleList(troubles),
        html`<p>
          ${counted(never, 'credential')} never drilled. A drill is run on a worker's host:
          <code>keybaton drill CREDENTIAL</code>
        </p>`,
        table(
          'The last drill of each credential',
          [
            { heading: 'Credential', cell: ({ credential }: Drill) => credentialLink(credential) },
            { heading: 'Tier', cell: ({ tier, due }) => [tier, due && html` ${mark('waits', 'due again')}`] },
            { heading: 'When', cell: ({ last }) => ago(last?.at, now, 'never') },
            { heading: 'Verdict', cell: verdict },
            { heading: 'Contained after', cell: ({ last }) => took(last?.measures.toContained) },
            { heading: 'Dead after', cell: ({ last }) => took(last?.measures.toDead) },
            { heading: 'Last use by the thief', cell: ({ last }) => took(last?.measures.toLastUse) },
            { heading: 'Incident', cell: ({ last }) => last && incidentLink(last.incident) },
          ],
          drills,
          'none was ever run.',
        ),
        html`<h2>Their incidents</h2>`,
        incidentTable(counted(practised.length, 'drill'), practised, now),
      ],
    });
  });
}

function verdict({ last }: Drill) {
  if (last === null) return null;
  const { verdict: came, because } = last.measures;
  return came === 'passed' ? mark('well', came) : [mark('danger', came), because.map((one) => html`<div>${one}</div>`)];
}
