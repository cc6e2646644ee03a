import { writeFileSync } from 'node:fs';
import type { Counts } from './consumer.ts';

export interface Show {
  /** Begins an act. */
  act(title: string, about: string): void;
  /** Something happened, with the time since the act began. */
  line(text: string): void;
  /** A promise was put to the test. */
  verdict(kept: boolean, text: string): void;
  /** The last line of a terminal, rewritten in place; nothing elsewhere. */
  footer(text: string): void;
  plain(text: string): void;
  /** For whoever watches alone: `saveTo` has none of it. */
  unsaved(text: string): void;
  /** Everything shown so far, to a file. */
  saveTo(file: string): void;
  close(): void;
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(1)} s`;

/** A list of steps with their times, on a terminal with colours and a line of counters that lives. */
export function show(stdout: NodeJS.WriteStream): Show {
  const live = stdout.isTTY;
  const colour = (code: number, text: string): string =>
    live && process.env['NO_COLOR'] === undefined ? `\u001b[${code}m${text}\u001b[0m` : text;
  let began = performance.now();
  let footer = '';
  let all = '';
  const unsaved = (text: string): void => {
    stdout.write(live ? `\r\u001b[2K${text}\n${footer}` : `${text}\n`);
  };
  const write = (text: string): void => {
    all += `${text}\n`;
    unsaved(text);
  };
  const time = (): string => colour(2, seconds(performance.now() - began).padStart(8));
  return {
    act(title, about) {
      began = performance.now();
      write('');
      write(colour(1, title));
      write(`         ${colour(2, about)}`);
    },
    line: (text) => write(`${time()}  ${text}`),
    verdict: (kept, text) => write(`${time()}  ${kept ? colour(32, 'kept  ') : colour(31, 'BROKEN')}  ${text}`),
    footer(text) {
      if (!live || text === footer) return;
      footer = text.slice(0, Math.max(20, stdout.columns - 1));
      stdout.write(`\r\u001b[2K${footer}`);
    },
    plain: write,
    unsaved: (text) => unsaved(`${time()}  ${text}`),
    saveTo: (file) => writeFileSync(file, all),
    close() {
      if (live) stdout.write('\r\u001b[2K');
      footer = '';
    },
  };
}

export function countsText({ queries, newConnections, failedQueries, retriedQueries }: Counts): string {
  const number = (many: number): string => many.toLocaleString('en-US');
  return `${number(queries)} queries, ${number(newConnections)} new connections, ${number(retriedQueries)} retried, ${number(failedQueries)} failed`;
}
