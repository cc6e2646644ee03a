import { html } from './html.ts';
import type { Fragment, Html } from './html.ts';

export interface Column<Row> {
  readonly heading: string;
  readonly cell: (row: Row) => Fragment;
}

/**
 * A table with a caption; narrow screens show each row as a card. The roles are said in so many words because some browsers
 * forget them when the style is not a table's any more.
 */
export function table<Row>(
  caption: Fragment,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  empty: string,
): Html {
  if (rows.length === 0) return html`<p class="empty"><strong>${caption}:</strong> ${empty}</p>`;
  return html`<table role="table">
    <caption>
      ${caption}
    </caption>
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map(({ heading }) => html`<th role="columnheader" scope="col">${heading}</th>`)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map(
        (row) =>
          html`<tr role="row">
            ${columns.map(({ heading, cell }, index) => cellOf(heading, cell(row), index))}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

const cellOf = (heading: string, content: Fragment, index: number): Html =>
  index === 0
    ? html`<th role="rowheader" scope="row">${content}</th>`
    : html`<td role="cell" data-heading="${heading}"><span>${content}</span></td>`;
