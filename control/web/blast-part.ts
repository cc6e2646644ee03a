import { formatDuration } from '../../domain/duration.ts';
import type { emergencyDryRunOperation } from '../operations/table/emergency.ts';
import { html } from './html.ts';
import type { Fragment, Html } from './html.ts';
import { table } from './table.ts';
import type { Answer } from './web.ts';
import { ago, counted, credentialLink, listed, mark, troubleList } from './words.ts';

export type Blast = Answer<typeof emergencyDryRunOperation>['blast'];
type Key = Blast['keys'][number];

const sources: Readonly<Record<Blast['source'], string>> = {
  ledger: 'from the ledger',
  'kill sheet': 'from the kill sheet of this machine, without the ledger',
  'provider lists': 'from what providers list under our tag',
  'provider hints': 'guessed from what providers show of their keys',
  'stored values': 'found by the values stored now',
  'nothing known': 'nobody here knows this value',
};

const mostShown = 200;

/** What would die, when, and who would feel it. */
export const blastPart = (blast: Blast): Fragment => [blastSummary(blast), blastDetails(blast)];

/** In a few lines, so that the button below is in sight on a telephone. */
export function blastSummary({ keys, source, troubles, policies, consumers, dependents }: Blast): Html {
  const whose = [...new Set(keys.map(({ credential }) => credential))];
  return html`
    <p>
      <strong>${counted(keys.length, 'key')} of ${counted(whose.length, 'credential')}</strong>,
      ${sources[source]}${whose.length > 0 && whose.length <= 3 && [': ', whose.join(', ')]}.
    </p>
    ${troubleList(troubles)}
    <dl>
      ${policies.map(
        ({ policy, keys: amount, what }) =>
          html`<dt>${policy}</dt>
            <dd>${counted(amount, 'key')}: ${what}</dd>`,
      )}
      ${
        consumers === null && dependents === null
          ? html`<dt>Consumers, and what is rotated after these</dt>
              <dd><span class="none">not known without the ledger</span></dd>`
          : html`<dt>Consumers</dt>
              <dd>${names(consumers, 'none')}</dd>
              <dt>Rotated after these</dt>
              <dd>${names(dependents, 'nothing')}</dd>`
      }
    </dl>
  `;
}

export function blastDetails({ keys, deadAlready, shapes, byHand }: Blast): Html {
  return html`
    ${
      keys.length > 0 &&
      table(
        keys.length > mostShown ? `The first ${String(mostShown)} of ${counted(keys.length, 'key')}` : 'What would die',
        [
          { heading: 'Credential', cell: ({ credential }: Key) => credentialLink(credential) },
          { heading: 'Version', cell: ({ version }) => html`<code>${version}</code>` },
          { heading: 'Is', cell: ({ fate }) => fate ?? html`<span class="none">not known</span>` },
          { heading: 'Dies', cell: dies },
          { heading: 'Target', cell: ({ target, policy }) => `${target}, ${policy}` },
          { heading: 'Who feels it', cell: (one) => names(one.consumers, 'nobody') },
        ],
        keys.slice(0, mostShown),
        '',
      )
    }
    <dl>
      ${deadAlready.map(
        ({ credential, version, at }) =>
          html`<dt>Dead already</dt>
            <dd>${credentialLink(credential)} <code>${version}</code>, ${ago(at, Date.now(), '')}</dd>`,
      )}
      ${
        shapes.length > 0 &&
        html`<dt>Looks like</dt>
          <dd>${shapes.join(', ')}</dd>`
      }
    </dl>
    ${byHand.map(
      ({ credential, version, text }) =>
        html`<h3>${mark('danger', 'No API kills this one')} ${credential} <code>${version}</code></h3>
          <pre>${text.join('\n')}</pre>`,
    )}
  `;
}

const dies = ({ onlyByHand, killIn }: Key): Fragment =>
  onlyByHand ? mark('danger', 'by hand') : killIn <= 0 ? 'at once' : `within ${formatDuration(killIn)}`;

const names = (known: readonly string[] | null, none: string): Fragment =>
  known === null ? html`<span class="none">not known without the ledger</span>` : listed(known, none);
