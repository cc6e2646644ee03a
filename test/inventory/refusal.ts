import type { Files } from './reading.ts';

export interface Refusal {
  readonly what: string;
  readonly files: Files;
  /** Place and text of the one complaint. */
  readonly says: string;
}

export const none = 'consumers: []';
export const plain = ['target: memory', 'team: search', none] as const;

/** A second entry after `bot`. */
export const also = (id: string, ...lines: readonly string[]): string =>
  [`  ${id}:`, ...lines.map((line) => `    ${line}`), ''].join('\n');
