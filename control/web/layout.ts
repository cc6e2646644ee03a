import { html } from './html.ts';
import type { Fragment, Html } from './html.ts';
import type { Visitor } from './visitor.ts';
import type { Waiting } from './waiting.ts';

export interface Page {
  readonly title: string;
  readonly body: Fragment;
  /** Undefined: nobody has signed in. */
  readonly visitor?: Visitor;
  /** What waits for a person, beside the places of the navigation. */
  readonly waiting?: Waiting | undefined;
  /** What every page says while it is so: shown before the page itself. */
  readonly banner?: Fragment;
  /** The place of the navigation that this page belongs to. */
  readonly at?: string;
  /** Seconds after which a browser without scripts asks again; where nothing is typed. */
  readonly again?: number;
}

const places = [
  ['/', 'Inventory'],
  ['/rotations', 'Rotations'],
  ['/incidents', 'Incidents'],
  ['/unmanaged', 'Unmanaged keys'],
  ['/drills', 'Drills'],
  ['/whose', 'Whose is this?'],
] as const;

/** The whole document. What a page is about comes first for whoever reads it by ear: skip link, then the place, then the page. */
export function layout({ title, body, visitor, waiting, banner, at, again }: Page): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="htmx-config" content='{"includeIndicatorCSS":false,"history":false,"defaultTimeout":15000}' />
        <title>${title} - keybaton</title>
        <link rel="icon" href="/assets/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/assets/style.css" />
        <script src="/assets/htmx.min.js" defer></script>
        <script src="/assets/page.js" defer></script>
        ${again !== undefined && html`<noscript><meta http-equiv="refresh" content="${again}" /></noscript>`}
      </head>
      <body>
        <a class="skip" href="#main">Skip to the page</a>
        <header>
          <a class="name" href="/">keybaton</a>
          ${visitor !== undefined && navigation(at, waiting)}
          ${visitor !== undefined && html`<a class="red" href="/emergency">Emergency</a>`}
        </header>
        <main id="main" tabindex="-1">
          ${banner}
          <h1>${title}</h1>
          ${body}
        </main>
        <footer>${visitor === undefined ? html`<p>Not signed in.</p>` : signedIn(visitor)}</footer>
      </body>
    </html>`;
}

function navigation(at: string | undefined, waiting: Waiting | undefined): Html {
  const link = (path: string, name: Fragment): Html =>
    html`<li>
      ${path === at ? html`<a href="${path}" aria-current="page">${name}</a>` : html`<a href="${path}">${name}</a>`}
    </li>`;
  const counting = (path: string, name: string, amount: number | null | undefined): Fragment =>
    amount !== undefined &&
    link(path, [
      name,
      ' ',
      amount !== 0 &&
        html`<span class="count">${amount === null ? '?' : amount}<span class="unseen"> waiting</span></span>`,
    ]);
  return html`<nav aria-label="Pages">
    <ul role="list">
      ${places.map(([path, name]) => link(path, name))} ${counting('/approvals', 'Approvals', waiting?.approvals)}
      ${counting('/reviews', 'Reviews', waiting?.reviews)}
    </ul>
  </nav>`;
}

const signedIn = (visitor: Visitor): Html =>
  html`<form method="post" action="/sign-out">
    ${proofField(visitor.proof)}
    <p>Signed in as <b>${visitor.principal.actor}</b>. <button class="plain">Sign out</button></p>
  </form>`;

/** Shows that a form was made by this page for this visitor. */
export const proofField = (proof: string): Html => html`<input type="hidden" name="proof" value="${proof}" />`;

/** A message that must not be missed. */
export const alert = (text: Fragment): Html => html`<div class="alert" role="alert">${text}</div>`;
