import type { FastifyInstance, FastifyRequest } from 'fastify';
import { inventoryOperation } from '../../operations/table/apply.ts';
import { listOperation } from '../../operations/table/list.ts';
import { html } from '../html.ts';
import type { Fragment, Html } from '../html.ts';
import { knownPart, orKnown } from '../known-part.ts';
import { alert } from '../layout.ts';
import { standing } from '../standing.ts';
import type { Summary } from '../standing.ts';
import { table } from '../table.ts';
import { asked } from '../visitor.ts';
import { ago, counted, incidentLink, listed, partsOf } from '../words.ts';
import type { Answer, Desk } from '../web.ts';
import { show } from '../web.ts';

const pageSize = 50;

interface Filter {
  readonly team: string;
  readonly environment: string;
  readonly needing: boolean;
  readonly after: string;
}

type Entry = Answer<typeof inventoryOperation>['entries'][number];

/** Every credential in one table: what, whose, how old, when next, who uses it, how it is. */
export function inventoryRoutes(app: FastifyInstance, desk: Desk): void {
  app.get('/', async (request, reply) => {
    const filter = filterOf(request);
    const { team, environment, needing, after } = filter;
    const full = async (): Promise<Fragment> => {
      const [page, { entries }] = await Promise.all([
        desk.look(request, listOperation, {
          limit: pageSize,
          ...(team === '' ? {} : { team }),
          ...(environment === '' ? {} : { environment }),
          ...(needing ? { needing } : {}),
          // Its shape is checked by the operation.
          ...(after === '' ? {} : { after }),
        }),
        desk.look(request, inventoryOperation, {}),
      ]);
      return [
        page.incidents.length > 0 && openIncidents(page.incidents),
        filterForm(filter, entries),
        rows(page, entries),
        turning(filter, page.next),
      ];
    };
    const body = await orKnown(full, () => knownPart(request, desk));
    return show(request, reply, { title: 'Inventory', at: '/', body });
  });
}

function filterOf(request: FastifyRequest): Filter {
  const text = (name: string): string => asked(request, name);
  return {
    team: text('team'),
    environment: text('environment'),
    needing: text('needing') !== '',
    after: text('after'),
  };
}

const openIncidents = (incidents: Answer<typeof listOperation>['incidents']): Html =>
  alert(
    incidents.map(
      ({ incident, scope, keys, dead }) =>
        html`<p>
          <strong>Open emergency</strong> ${incidentLink(incident)} over ${scope}: ${dead} of ${counted(keys, 'key')}
          dead
        </p>`,
    ),
  );

function rows(page: Answer<typeof listOperation>, entries: readonly Entry[]): Html {
  const { now } = page;
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const column = (heading: string, cell: (one: Summary) => Fragment) => ({ heading, cell });
  return table(
    `${counted(page.credentials.length, 'secret')} on this page, in the order of ids`,
    [
      column('Secret', ({ id }) => html`<a href="/credentials/${id}">${partsOf(id).application}</a>`),
      column('Service', ({ id }) => partsOf(id).provider),
      column('Environment', ({ id }) => partsOf(id).environment),
      column('Team', ({ team }) => team),
      column('Last rotated', ({ due }) => ago(due.lastRotatedAt, now, 'never')),
      column('Next due', ({ due }) => (due.why === null ? ago(due.at, now, 'not planned') : `now: ${due.why}`)),
      column('Consumers', ({ id }) => consumersOf(byId.get(id))),
      column('State', standing),
    ],
    page.credentials,
    'there is no such secret.',
  );
}

function consumersOf(entry: Entry | undefined): Fragment {
  if (entry === undefined) return html`<span class="none">left the inventory</span>`;
  if ('none' in entry.consumers) return html`<span class="none">none: ${entry.consumers.none}</span>`;
  return listed(
    entry.consumers.map(({ name }) => name),
    'none',
  );
}

function filterForm({ team, environment, needing }: Filter, entries: readonly Entry[]): Html {
  const teams = unique(entries.map((entry) => entry.team));
  const environments = unique(entries.map(({ id }) => partsOf(id).environment));
  return html`<form class="row" method="get" action="/" aria-label="Which secrets">
    ${choice('team', 'Team', teams, team)} ${choice('environment', 'Environment', environments, environment)}
    <label class="check"
      ><input type="checkbox" name="needing" value="yes" ${needing && html`checked`} /> needs somebody</label
    >
    <button>Show</button>
  </form>`;
}

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)].toSorted();

const choice = (name: string, label: string, names: readonly string[], chosen: string): Html =>
  html`<label
    >${label}
    <select name="${name}">
      <option value="">all</option>
      ${names.map((one) => html`<option value="${one}" ${one === chosen && html`selected`}>${one}</option>`)}
    </select>
  </label>`;

function turning(filter: Filter, next: string | null): Fragment {
  const link = (after: string): string => {
    const said = Object.entries({ ...filter, needing: filter.needing ? 'yes' : '', after });
    return `/?${new URLSearchParams(said.filter(([, text]) => text !== '')).toString()}`;
  };
  if (filter.after === '' && next === null) return null;
  return html`<nav class="pages" aria-label="Pages of this table">
    ${filter.after !== '' && html`<a href="${link('')}">First page</a>`}
    ${next !== null && html`<a href="${link(next)}" rel="next">Next page</a>`}
  </nav>`;
}
