import { formatDuration } from '../../domain/duration.ts';
import type { incidentShowOperation } from '../operations/table/incident.ts';
import { html } from './html.ts';
import type { Fragment, Html } from './html.ts';
import { table } from './table.ts';
import type { Answer } from './web.ts';
import { counted, credentialLink, exactly, mark, troubleList } from './words.ts';

export type Incident = Answer<typeof incidentShowOperation>;
type ClockLine = Incident['clock'][number];
type Open = Incident['open'][number];

/** The running clock, every moment against its share of it, and what is not through with why. */
export function incidentPart(view: Incident): Html {
  const { open, more, troubles, next } = view;
  return html`
    ${clock(view)} ${troubleList(troubles)}
    ${
      open.length > 0 &&
      table(
        `Not through${more > 0 ? `: ${String(open.length)}, and ${String(more)} more` : ''}`,
        [
          { heading: 'Credential', cell: ({ credential }: Open) => credentialLink(credential) },
          { heading: 'Version', cell: ({ version }) => html`<code>${version}</code>` },
          {
            heading: 'Is',
            cell: ({ state, person }) =>
              mark(person ? 'danger' : 'busy', person ? `${state}: a person must act` : state),
          },
          { heading: 'Why', cell: ({ why }) => why },
          { heading: 'What you can do', cell: (one) => remedy(one, view) },
        ],
        open,
        '',
      )
    }
    ${moments(view)}
    ${
      next.length > 0 &&
      html`<h2>Next, on a command line</h2>
        <ul class="plain-list">
          ${next.map(({ command, why }) => html`<li><code>${command}</code> ${why}</li>`)}
        </ul>`
    }
    <p class="hint">As of ${exactly(view.now)}</p>
  `;
}

/** Where a person acts on one line of it; the pages behind say who may. */
function remedy({ credential, state, person }: Open, { incident, running, closedAt }: Incident): Fragment {
  if (state === 'not confirmed') return html`<a href="/credentials/${credential}">see who has not proved it</a>`;
  const takeOver =
    state === 'not replaced' &&
    running &&
    closedAt === null &&
    html`<a href="/incidents/${incident}/take-over?credential=${encodeURIComponent(credential)}"
      >take its rotation over</a
    >`;
  if (takeOver !== false) return takeOver;
  return person || state === 'not contained'
    ? html`<a href="/credentials/${credential}/by-hand">kill it by hand</a>`
    : html`<span class="none">nothing: it is being proved</span>`;
}

/**
 * The clock itself is a timer, which is not read out at every tick; the sentence beside it is, when it changes.
 */
function clock({ declaredAt, closedAt, now, running, keys, counts }: Incident): Html {
  const end = closedAt ?? now;
  const state =
    closedAt !== null
      ? mark('well', 'closed')
      : running
        ? mark('busy', 'open')
        : mark('danger', 'open, and nobody works on it');
  const through = (['contained', 'dead', 'replaced', 'confirmed'] as const).map(
    (one) => `${one} ${counts[one] === null ? 'not known' : String(counts[one])}`,
  );
  return html`
    <p class="clock" role="timer" aria-label="Time since it was declared">${elapsed(end - declaredAt)}</p>
    <p role="status">${state} ${counted(keys, 'key')}: ${through.join(', ')}</p>
    ${keys > 0 && html`<progress aria-label="Keys proved dead" max="${keys}" value="${counts.dead}"></progress>`}
  `;
}

/** `4:07`, `1:04:07`. */
function elapsed(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1_000));
  const two = (amount: number): string => String(amount).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  const rest = two(seconds % 60);
  return hours === 0 ? `${String(minutes)}:${rest}` : `${String(hours)}:${two(minutes)}:${rest}`;
}

const moments = ({ clock: lines, declaredAt, now }: Incident): Html =>
  table(
    'Each moment against its share of the clock',
    [
      { heading: 'Moment', cell: ({ moment }: ClockLine) => moment },
      { heading: 'Within', cell: ({ plannedAt }) => formatDuration(plannedAt - declaredAt) },
      { heading: 'Reached', cell: (line) => reached(line, declaredAt, now) },
    ],
    lines.filter(({ moment }) => moment !== 'declared'),
    'nothing is known of its clock.',
  );

function reached({ plannedAt, reachedAt, late }: ClockLine, declaredAt: number, now: number): Fragment {
  if (reachedAt !== null) {
    const after = `after ${formatDuration(Math.max(0, reachedAt - declaredAt))}`;
    return late ? mark('trouble', `late, ${after}`) : mark('well', after);
  }
  return late
    ? mark('trouble', `late by ${formatDuration(Math.max(0, now - plannedAt))}`)
    : html`<span class="none">${formatDuration(plannedAt - now)} left</span>`;
}
