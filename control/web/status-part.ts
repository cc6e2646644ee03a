import { html } from './html.ts';
import type { Fragment, Html } from './html.ts';
import type { Answer } from './web.ts';
import type { statusOperation } from '../operations/table/status.ts';
import { ago, exactly, mark } from './words.ts';

export type Status = Answer<typeof statusOperation>;

/** Where one rotation stands, and what it waits for. */
export function statusPart(status: Status): Html {
  const { now, run, trouble, backends, requests, missing, silence, summary } = status;
  return html`
    ${trouble !== null && html`<p>${mark('trouble', 'did not answer')} ${trouble}</p>`}
    <dl>
      <dt>Rotation</dt>
      <dd>
        ${
          run === null
            ? 'nothing runs'
            : html`${mark(run.waitsFor === null ? 'busy' : 'waits', run.step)}
              ${run.waitsFor !== null && html`waits for ${run.waitsFor}`}, ${ago(run.since, now, '')}`
        }
      </dd>
      ${
        missing.length + silence.length > 0 &&
        html`<dt>Still missing</dt>
          <dd>
            <ul class="plain-list">
              ${missing.map((one) => html`<li>${one}</li>`)}
              ${silence.map(({ version, missing: why }) => html`<li>silence of <code>${version}</code>: ${why}</li>`)}
            </ul>
          </dd>`
      }
      ${summary.alarms.map(
        ({ text, raisedAt }) =>
          html`<dt>${mark('trouble', 'Alarm')}</dt>
            <dd>${text}, ${ago(raisedAt, now, '')}</dd>`,
      )}
      ${requests.map(
        ({ kind, who, why, at }) =>
          html`<dt>Asked: ${kind}</dt>
            <dd>by ${who}, ${ago(at, now, '')}: ${why}</dd>`,
      )}
      <dt>Backends</dt>
      <dd>
        ${backends.map(
          ({ backend, path, standing: how }) =>
            html`<div>${mark(how === 'in-sync' ? 'well' : 'trouble', how)} <code>${path}</code> in ${backend}</div>`,
        )}
      </dd>
      <dt>As of</dt>
      <dd>${exactly(now)}</dd>
    </dl>
  `;
}

/** The same steps for whoever would rather type; apart from what refreshes itself, which would close it again. */
export const commandsPart = ({ next }: Status): Fragment =>
  next.length > 0 &&
  html`<details>
    <summary>On a command line</summary>
    <ul class="plain-list">
      ${next.map(({ command, why }) => html`<li><code>${command}</code> ${why}</li>`)}
    </ul>
  </details>`;
