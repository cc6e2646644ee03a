import { html } from './html.ts';
import type { Fragment, Html } from './html.ts';
import { proofField } from './layout.ts';

export interface Confirmation {
  /** Where the form goes. */
  readonly action: string;
  /** What will happen, in the order in which it does. */
  readonly happens: readonly Fragment[];
  /** Why nobody does this alone; undefined: one person may. */
  readonly second?: string;
  readonly fields?: Fragment;
  readonly button: string;
  /** Cannot be taken back, or lets something live. */
  readonly danger: boolean;
  /** Where one goes who thinks better of it. */
  readonly back: string;
  /** What was typed before it was refused. */
  readonly why: string;
  /** Undefined: no reason is kept. */
  readonly asksWhy?: boolean;
  readonly proof: string;
}

/** Longer reasons would not fit into what the second person is shown. */
export const longestWhy = 500;

/** The last page before something is done: what will happen, the reason, one button, one way back. */
export function confirmation(asked: Confirmation): Html {
  const { action, happens, second, fields, button, danger, back, why, asksWhy = true, proof } = asked;
  return html`
    <ol class="plain-list">
      ${happens.map((one) => html`<li>${one}</li>`)}
    </ol>
    ${
      second !== undefined &&
      html`<p class="note">
        <strong>Two people do this.</strong> ${second} Your button asks; it is done when a second person has agreed
        under <a href="/approvals">Approvals</a>, within half an hour.
      </p>`
    }
    <form class="stack" method="post" action="${action}" autocomplete="off">
      ${proofField(proof)} ${fields}
      ${
        asksWhy &&
        html`<label
          >Why, for the record
          <span class="hint" id="why-hint">Never a secret.</span>
          <input
            name="why"
            required
            maxlength="${longestWhy}"
            value="${why}"
            aria-describedby="why-hint"
            autocomplete="off"
          />
        </label>`
      }
      <div class="buttons">
        <button ${danger && html`class="red"`}>${button}</button> <a class="button" href="${back}">Leave it</a>
      </div>
    </form>
  `;
}

/** One of a few names. */
export const choose = (label: string, name: string, names: readonly string[], chosen: string): Html =>
  html`<label
    >${label}
    <select name="${name}" required>
      ${names.map((one) => html`<option value="${one}" ${one === chosen && html`selected`}>${one}</option>`)}
    </select>
  </label>`;
