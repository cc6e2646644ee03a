import { html } from './html.ts';
import type { Fragment, Html } from './html.ts';

/**
 * A part that asks for itself again. What stands around it stays: nobody loses what they were typing, and no place of the
 * keyboard. Without scripts it is as fresh as the page.
 */
export const live = (path: string, seconds: number, now: Fragment): Html =>
  html`<div data-hx-get="${path}" data-hx-trigger="every ${seconds}s" data-hx-swap="innerMorph">${now}</div>`;
