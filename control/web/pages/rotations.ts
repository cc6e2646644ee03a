import type { FastifyInstance } from 'fastify';
import { statusAllOperation } from '../../operations/table/status.ts';
import { html } from '../html.ts';
import type { Fragment, Html } from '../html.ts';
import { knownPart, orKnown } from '../known-part.ts';
import { live } from '../live.ts';
import { standing } from '../standing.ts';
import type { Status } from '../status-part.ts';
import { table } from '../table.ts';
import type { Answer, Desk } from '../web.ts';
import { send, show } from '../web.ts';
import { ago, counted, credentialLink, exactly, mark } from '../words.ts';

/** What moves, what is held and why, what is owed, what is due. */
export function rotationRoutes(app: FastifyInstance, desk: Desk): void {
  app.get('/rotations', async (request, reply) => {
    const full = async () =>
      live('/rotations/live', 5, rotationsPart(await desk.look(request, statusAllOperation, {})));
    const body = await orKnown<Fragment, Fragment>(full, () => knownPart(request, desk));
    return show(request, reply, { title: 'Rotations', at: '/rotations', again: 15, body });
  });

  app.get('/rotations/live', async (request, reply) =>
    send(reply, rotationsPart(await desk.look(request, statusAllOperation, {}))),
  );
}

const isHeld = ({ run, missing, silence, summary }: Status): boolean =>
  summary.paused || summary.frozen || run?.step === 'held' || missing.length + silence.length > 0;

function rotationsPart({ credentials, total, schedule }: Answer<typeof statusAllOperation>): Html {
  const moving = credentials.filter((one) => (one.run !== null || one.summary.rotating) && !isHeld(one));
  const held = credentials.filter(isHeld);
  const owing = credentials.filter(({ summary }) => summary.debts.length > 0);
  const others = credentials.filter((one) => ![...moving, ...held, ...owing].includes(one));
  const now = credentials[0]?.now;
  return html`
    <p>
      ${counted(total, 'credential')};
      ${counted(credentials.length, 'moves, is due, or needs', 'move, are due, or need')} somebody.
      ${scheduleText(schedule, now)}
    </p>
    <h2>In flight</h2>
    ${table('Rotations that go on', [name, step, since], moving, 'none runs.')}
    <h2>Held</h2>
    ${table('Rotations that wait for somebody', [name, step, missing, next], held, 'none is held.')}
    <h2>Debts</h2>
    ${table('Old versions not proved dead yet', [name, debts], owing, 'nothing is owed.')}
    <h2>Due, or in need of somebody</h2>
    ${table('The others', [name, state, why], others, 'nothing else.')}
    ${now !== undefined && html`<p class="hint">As of ${exactly(now)}</p>`}
  `;
}

function scheduleText(schedule: Answer<typeof statusAllOperation>['schedule'], now: number | undefined): Fragment {
  if (schedule === null) return mark('trouble', 'Temporal does not say whether rotations start by themselves');
  if (schedule.state !== 'running')
    return mark('trouble', `nothing starts by itself: the Schedule is ${schedule.state}`);
  const at = schedule.nextAt;
  return now === undefined || at === undefined ? null : ['The next sweep comes ', ago(at, now, ''), '.'];
}

const name = { heading: 'Credential', cell: ({ summary }: Status) => credentialLink(summary.id) };
const state = { heading: 'State', cell: ({ summary }: Status) => standing(summary) };
const since = { heading: 'Since', cell: ({ run, now }: Status) => ago(run?.since, now, 'not running') };
const why = {
  heading: 'Why',
  cell: ({ summary }: Status) => summary.due.why ?? summary.alarms.map(({ text }) => html`<div>${text}</div>`),
};
const step = {
  heading: 'Step',
  cell: ({ run, trouble, summary }: Status): Fragment => {
    if (trouble !== null) return [mark('trouble', 'not known'), ' ', trouble];
    if (run === null) return [standing(summary)];
    return [
      mark(run.waitsFor === null ? 'busy' : 'waits', run.step),
      run.waitsFor !== null && ` waits for ${run.waitsFor}`,
    ];
  },
};
const missing = {
  heading: 'What is missing',
  cell: ({ missing: known, silence, requests }: Status): Fragment => [
    known.map((one) => html`<div>${one}</div>`),
    silence.map(({ version, missing: text }) => html`<div>silence of <code>${version}</code>: ${text}</div>`),
    requests.map(({ kind, who, why: reason }) => html`<div>${kind} by ${who}: ${reason}</div>`),
  ],
};
const next = {
  heading: 'What to do',
  cell: ({ next: steps, summary }: Status): Fragment =>
    html`<a href="/credentials/${summary.id}#do">${steps.length === 0 ? 'look at it' : 'what can be done'}</a>`,
};
const debts = {
  heading: 'Versions',
  cell: ({ summary }: Status): Fragment =>
    summary.debts.map(
      (version) =>
        html`<div>
          <code>${version}</code> ${summary.onlyByHand.includes(version) && mark('danger', 'only a person can kill it')}
        </div>`,
    ),
};
