import { formatDuration } from '../../domain/duration.ts';

const leastText = 24;

/** Columns that fit `width`: the last, which holds the free text, gives way first; what is cut says so with an ellipsis. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[], width: number): string {
  const clean = rows.map((row) => headings.map((_, column) => printable(row[column] ?? '')));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...clean.map((row) => row[column]?.length ?? 0)),
  );
  const gaps = 2 * (headings.length - 1);
  while (sum(widths) + gaps > width) {
    const last = widths.length - 1;
    const chosen = (widths[last] ?? 0) > leastText ? last : widths.indexOf(Math.max(...widths.slice(0, last)));
    const before = widths[chosen] ?? 0;
    if (before <= 8) break;
    widths[chosen] = before - 1;
  }
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => fit(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(headings), ...clean.map(line)].join('\n');
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
const fit = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text.padEnd(width);

/** Text that came from files and other systems must not move the cursor or forge a line. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are exactly what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, ' ');
}

/** `3 d ago`, `in 4 h`, `now`. */
export function relative(at: number | null | undefined, now: number): string {
  if (at === null || at === undefined) return '-';
  const difference = at - now;
  if (Math.abs(difference) < 1_000) return 'now';
  return difference < 0 ? `${formatDuration(-difference)} ago` : `in ${formatDuration(difference)}`;
}

/** To the second, in UTC, as people copy it into a search. */
export function moment(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}

export function count(amount: number, one: string, many = `${one}s`): string {
  return `${amount} ${amount === 1 ? one : many}`;
}

/** Breaks at spaces so that no line is longer than `width`; a longer word keeps its line. */
export function wrapped(text: string, width: number, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text).split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((one) => `${indent}${one}`.trimEnd()).join('\n');
}
