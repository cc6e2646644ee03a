import type { Writable } from 'node:stream';
import { formatDuration } from '../../domain/duration.ts';
import type { IncidentView } from '../operations/incident-show.ts';
import type { Output } from './output.ts';
import { count, printable, relative, table, wrapped } from './text.ts';

/** One incident as people read it: where it stands, its clock, what is not through, what to do. */
export function incidentText(view: IncidentView, width: number, keysShown = 20): string {
  const { incident, declaredAt, who, why, scope, now } = view;
  const state = view.closedAt !== null ? 'closed' : view.running ? 'OPEN' : 'OPEN, and nobody works on it';
  const said = why === null ? '' : `: ${why}`;
  const by = who === null ? '' : ` by ${who}`;
  return [
    printable(`incident ${incident}  ${state}${view.drill ? '  (drill)' : ''}`),
    wrapped(`${scope}; declared ${relative(declaredAt, now)}${by}${said}`, width, '  '),
    `  ${tally(view)}`,
    ...(view.closedAt === null
      ? []
      : [wrapped(`closed ${relative(view.closedAt, now)} by ${view.closedBy ?? '?'}`, width, '  ')]),
    '',
    clockText(view, width),
    ...openText(view, width, keysShown),
    ...troublesText(view, width),
    ...nextText(view, width),
  ].join('\n');
}

/** `2 keys: contained 2, dead 1, replaced 0, confirmed 0`. */
export function tally({ keys, counts }: IncidentView): string {
  const through = (['contained', 'dead', 'replaced', 'confirmed'] as const).map(
    (moment) => `${moment} ${counts[moment] ?? '?'}`,
  );
  return keys === 0 ? 'no key of ours' : `${count(keys, 'key')}: ${through.join(', ')}`;
}

function clockText({ clock, declaredAt, now }: IncidentView, width: number): string {
  const rows = clock.map(({ moment, plannedAt, reachedAt, late }) => [
    moment,
    formatDuration(plannedAt - declaredAt),
    reachedAt === null
      ? late
        ? 'LATE'
        : '-'
      : `${formatDuration(Math.max(0, reachedAt - declaredAt))}${late ? ' LATE' : ''}`,
    reachedAt === null
      ? late
        ? `${formatDuration(now - plannedAt)} over its share`
        : `${formatDuration(plannedAt - now)} left`
      : '',
  ]);
  return indented(table(['MOMENT', 'WITHIN', 'REACHED', ''], rows, width - 2));
}

/** Whole: what keeps a key alive must never be cut off. */
function openText({ open, more, now }: IncidentView, width: number, keysShown: number): readonly string[] {
  if (open.length === 0) return [];
  const again = (at: number | undefined): string =>
    at === undefined ? '' : at > now ? `, again in ${formatDuration(at - now)}` : ', again now';
  const left = more + Math.max(0, open.length - keysShown);
  return [
    '',
    '  NOT THROUGH',
    ...open.slice(0, keysShown).flatMap((key) => {
      const what = key.person ? `${key.state}, A PERSON MUST ACT` : `${key.state}${again(key.again)}`;
      return [`  ${key.credential} ${key.version}`, wrapped(`${what}: ${key.why}`, width, '    ')];
    }),
    ...(left === 0 ? [] : [`  and ${count(left, 'more key')}`]),
  ];
}

const troublesText = ({ troubles }: IncidentView, width: number): readonly string[] =>
  troubles.length === 0 ? [] : ['', ...troubles.map((one) => wrapped(`did not answer: ${one}`, width, '  '))];

const nextText = ({ next }: IncidentView, width: number): readonly string[] =>
  next.length === 0 ? [] : ['', ...next.map(({ command, why }) => wrapped(`next: ${command}  (${why})`, width, '  '))];

const indented = (text: string): string =>
  text
    .split('\n')
    .map((line) => `  ${line}`.trimEnd())
    .join('\n');

export interface LiveIncident {
  show(view: IncidentView): void;
  close(): void;
}

/**
 * On a terminal redrawn in place, each second, so that countdowns move; elsewhere one line for every change; with `json`
 * one object per line for every change.
 */
export function liveIncident(
  stdout: Writable & { readonly rows?: number },
  output: Output,
  jsonLines: boolean,
): LiveIncident {
  const begin = performance.now();
  let drawn = 0;
  let latest: { view: IncidentView; seenAt: number } | undefined;
  let last = '';

  const draw = (): void => {
    if (latest === undefined) return;
    const now = latest.view.now + (performance.now() - begin - latest.seenAt);
    const rows = Math.max(10, (stdout.rows ?? 40) - 1);
    const lines = incidentText({ ...latest.view, now }, output.width, Math.max(3, Math.floor((rows - 20) / 2)))
      .split('\n')
      .slice(0, rows);
    stdout.write(`${drawn === 0 ? '' : `\u001b[${drawn}A`}\u001b[0J${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  const timer = output.live ? setInterval(draw, 1_000) : undefined;
  timer?.unref();

  return {
    show(view) {
      if (output.json && !jsonLines) return;
      latest = { view, seenAt: performance.now() - begin };
      if (output.live) return draw();
      const text = output.json ? JSON.stringify({ ...view, now: 0 }) : changeText(view);
      if (text !== last) output.event(view, () => `${formatDuration(view.now - view.declaredAt)}  ${text}`);
      last = text;
    },
    close: () => clearInterval(timer),
  };
}

/** Without times that run: the same state is the same line. */
function changeText(view: IncidentView): string {
  const people = view.open.filter(({ person }) => person).length;
  return [
    tally(view),
    ...(people === 0 ? [] : [`${count(people, 'key')} wait for a person`]),
    ...view.troubles.map((one) => `did not answer: ${one}`),
    ...(view.closedAt === null ? [] : ['closed']),
  ]
    .map(printable)
    .join('; ');
}
