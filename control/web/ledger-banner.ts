import { html } from './html.ts';
import type { Fragment } from './html.ts';

/** Above a page that could not ask the ledger: what it is made of, and what works all the same. */
export const ledgerBanner = (trouble: string | undefined): Fragment =>
  trouble !== undefined &&
  html`<div class="alert" role="alert">
    <strong>The ledger does not answer</strong> (${trouble}): this is what the kill sheet and the workers know.
    <a href="/emergency">Emergency</a>, <a href="/whose">whose is this?</a> and <a href="/incidents">incidents</a> work.
  </div>`;
