/** One mistake in one of the two files: where it stands, and what was expected. Never holds a value of the file. */
export interface Problem {
  readonly file: 'targets' | 'inventory';
  /** Keys from the top of the file; list positions are numbers. */
  readonly path: readonly (string | number)[];
  /** What is wrong and what was expected; lower case, no full stop. */
  readonly text: string;
}

/** A problem with its place in the text: 1-based. */
export interface PlacedProblem extends Problem {
  readonly line: number;
  readonly column: number;
}

export type Report = (problem: Problem) => void;

const plain = /^[A-Za-z0-9_./-]{1,100}$/;

/** `credentials.openai/prod/bot.consumers[0].demand`; keys with odd characters are quoted, escaped and shortened. */
export function pathText(path: Problem['path']): string {
  if (path.length === 0) return '(top of the file)';
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      const key = plain.test(part) ? part : JSON.stringify(part.slice(0, 80));
      return index === 0 ? key : `.${key}`;
    })
    .join('');
}

/** `inventory.yml:12:5 credentials.x.target: ...`, one line per problem. */
export function problemText(problem: PlacedProblem, names: Readonly<Record<Problem['file'], string>>): string {
  return `${names[problem.file]}:${problem.line}:${problem.column} ${pathText(problem.path)}: ${problem.text}`;
}
