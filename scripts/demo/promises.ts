import type { Show } from './show.ts';

export interface Promises {
  /** Records whether a promise was kept, and says so. */
  check(text: string, kept: boolean, otherwise?: string): boolean;
  readonly broken: () => readonly string[];
}

export function promises(shown: Show): Promises {
  const broken: string[] = [];
  return {
    check(text, kept, otherwise = '') {
      const said = kept || otherwise === '' ? text : `${text} (${otherwise})`;
      if (!kept) broken.push(said);
      shown.verdict(kept, said);
      return kept;
    },
    broken: () => broken,
  };
}
