import { formatDuration } from '../../domain/duration.ts';
import type { historyOperation } from '../operations/table/history.ts';
import type { showOperation } from '../operations/table/show.ts';
import { html } from './html.ts';
import type { Fragment, Html } from './html.ts';
import { table } from './table.ts';
import type { Answer } from './web.ts';
import { ago, counted, credentialLink, exactly, listed, mark } from './words.ts';

type View = Answer<typeof showOperation>;
type Version = View['versions'][number];
type Consumer = View['consumers'][number];
type Event = Answer<typeof historyOperation>['events'][number];

export const versionTable = ({ versions, now }: View): Html =>
  table(
    `${counted(versions.length, 'version')}, newest first`,
    [
      { heading: 'Version', cell: ({ id }: Version) => html`<code>${id}</code>` },
      { heading: 'Label', cell: ({ label }) => label ?? html`<span class="none">none</span>` },
      { heading: 'Meant to be', cell: ({ state }) => (state === 'compromised' ? mark('danger', state) : state) },
      { heading: 'Alive?', cell: (version) => liveness(version, now) },
      { heading: 'Made', cell: ({ createdAt }) => ago(createdAt, now, '') },
      { heading: 'At the provider', cell: refs },
      { heading: 'Kept in', cell: copies },
    ],
    versions,
    'there is none yet.',
  );

/** Never guessed from the state: dead is what the provider has said, anything else is not known to be dead. */
function liveness({ dead, onlyByHand, refs: known }: Version, now: number): Fragment {
  if (dead !== null) return html`${mark('well', dead.grade)}, ${ago(dead.at, now, '')}`;
  if (onlyByHand) return mark('danger', 'only a person can kill it');
  return known.length === 0 ? html`<span class="none">never made</span>` : 'not proved dead';
}

const refs = ({ refs: known }: Version): Fragment =>
  listed(
    known.map(({ ref, gone }) => `${ref.id}${ref.mark === undefined ? '' : ` (${ref.mark})`}${gone ? ', gone' : ''}`),
    'nothing',
  );

const copies = ({ copies: known }: Version): Fragment =>
  listed(
    known.filter(({ gone }) => !gone).map(({ backend, path, as }) => `${backend} ${path} (${as})`),
    'erased',
  );

export const consumerTable = ({ consumers, now, entry }: View): Html =>
  table(
    'Evidence of this epoch',
    [
      { heading: 'Consumer', cell: ({ consumer }: Consumer) => consumer },
      { heading: 'Must show', cell: ({ demand }) => demand },
      { heading: 'Has shown', cell: (one) => shownBy(one) },
      { heading: 'Running copies', cell: (one) => instances(one, now) },
    ],
    consumers,
    'none' in entry.consumers ? `none: ${entry.consumers.none}.` : 'nothing was promoted yet.',
  );

function shownBy({ proved, waivedBy, instances: running }: Consumer): Fragment {
  if (waivedBy !== null) return mark('waits', `waived by ${waivedBy}`);
  if (proved !== null) return mark('well', proved);
  const present = running.filter(({ left }) => !left);
  const done = present.filter((one) => one.proved !== null).length;
  if (present.length === 0) return mark('waits', 'nobody yet');
  return mark(
    done === present.length ? 'well' : 'waits',
    `${String(done)} of ${counted(present.length, 'copy', 'copies')}`,
  );
}

const instances = ({ instances: known }: Consumer, now: number): Fragment =>
  known.length === 0
    ? html`<span class="none">none seen</span>`
    : known.map(
        ({ instance, seenAt, left, proved }) =>
          html`<div>${instance}: ${proved ?? 'no proof'}, ${left ? 'left' : ['seen ', ago(seenAt, now, '')]}</div>`,
      );

export function dependence({ entry }: View): Html {
  const { consumers, dependents, apartFrom } = entry;
  const names = 'none' in consumers ? [] : consumers.map(({ name }) => name);
  const links = (ids: readonly string[], none: string): Fragment =>
    ids.length === 0
      ? html`<span class="none">${none}</span>`
      : ids.map((id) => html`<div>${credentialLink(id)}</div>`);
  return html`<dl>
    <dt>Consumers</dt>
    <dd>${listed(names, 'none')}</dd>
    <dt>Rotated after it</dt>
    <dd>${links(dependents, 'nothing')}</dd>
    <dt>Never together with</dt>
    <dd>${links(apartFrom, 'nothing')}</dd>
  </dl>`;
}

export const timeline = (events: readonly Event[], now: number): Html =>
  table(
    `The newest ${counted(events.length, 'event')} of the ledger, oldest first`,
    [
      {
        heading: 'When',
        cell: ({ at }: Event) => [exactly(at), html` <span class="hint">(${ago(at, now, '')})</span>`],
      },
      { heading: 'What', cell: ({ kind }) => kind },
      { heading: 'Who', cell: ({ actor }) => actor },
      { heading: 'Version', cell: ({ version }) => (version ? html`<code>${version}</code>` : null) },
      { heading: 'Epoch', cell: ({ epoch }) => epoch ?? null },
    ],
    events,
    'nothing has happened.',
  );

export function entryList({ entry, summary, now }: View): Html {
  const { target, team, contact, groups, tier, schedule, emergency, soak, silence } = entry;
  const facts: readonly (readonly [string, Fragment])[] = [
    ['Team', contact ? `${team} (${contact})` : team],
    ['Target', target],
    ['Tier, mode', `${tier}, ${summary.mode}`],
    ['Groups', listed(groups, 'none')],
    ['Rotated every', formatDuration(schedule.every)],
    ['Last rotated', ago(summary.due.lastRotatedAt, now, 'never')],
    ['Next due', summary.due.why ?? ago(summary.due.at, now, 'not planned')],
    ['In an emergency', `${emergency.policy}, bound ${formatDuration(emergency.bound)}`],
    ['Silence of the old key', 'for' in silence ? formatDuration(silence.for) : `not asked: ${silence.no}`],
    ['Suspended before it dies', formatDuration(soak)],
  ];
  return html`<dl>
    ${facts.map(
      ([name, fact]) =>
        html`<dt>${name}</dt>
          <dd>${fact}</dd>`,
    )}
  </dl>`;
}
