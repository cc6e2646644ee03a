import { formatDuration } from '../../domain/duration.ts';
import { credentialParts, parseCredentialId } from '../../domain/identifiers.ts';
import type { CredentialParts } from '../../domain/identifiers.ts';
import { html } from './html.ts';
import type { Fragment, Html } from './html.ts';

/** `3 keys`, `1 key`. */
export const counted = (amount: number, one: string, many = `${one}s`): string =>
  `${String(amount)} ${amount === 1 ? one : many}`;

/** `3 d ago`, with the moment itself for machines and for the pointer. */
export function ago(at: number | null | undefined, now: number, none: string): Html {
  if (at === null || at === undefined) return html`<span class="none">${none}</span>`;
  const apart = at - now;
  const words =
    Math.abs(apart) < 1_000 ? 'now' : apart < 0 ? `${formatDuration(-apart)} ago` : `in ${formatDuration(apart)}`;
  return html`<time datetime="${iso(at)}" title="${moment(at)} UTC">${words}</time>`;
}

/** To the second, in UTC, as people copy it into a search. */
export const exactly = (at: number): Html => html`<time datetime="${iso(at)}">${moment(at)} UTC</time>`;

const iso = (at: number): string => new Date(at).toISOString();
const moment = (at: number): string => iso(at).slice(0, 19).replace('T', ' ');

export type MarkKind = 'well' | 'busy' | 'waits' | 'trouble' | 'danger';

/** Never a colour alone: a sign, and the word beside it. */
export const mark = (kind: MarkKind, word: string): Html =>
  html`<span class="mark ${kind}"
    ><svg aria-hidden="true" focusable="false" width="16" height="16"><use href="/assets/marks.svg#${kind}"></use></svg
    >${word}</span
  >`;

export const listed = (names: readonly string[], none: string): Fragment =>
  names.length === 0 ? html`<span class="none">${none}</span>` : names.join(', ');

export const partsOf = (id: string): CredentialParts => credentialParts(parseCredentialId(id));
export const credentialLink = (id: string): Html => html`<a href="/credentials/${id}">${id}</a>`;
export const incidentLink = (incident: string): Html => html`<a href="/incidents/${incident}">${incident}</a>`;

/** Who did not answer, so that nobody takes silence for an answer. */
export const troubleList = (troubles: readonly string[]): Fragment =>
  troubles.length > 0 &&
  html`<ul class="troubles" role="list">
    ${troubles.map((one) => html`<li>${mark('trouble', 'did not answer')} ${one}</li>`)}
  </ul>`;
