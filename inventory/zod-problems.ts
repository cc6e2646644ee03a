import type { z } from 'zod';
import type { Problem } from './problem.ts';

type Issue = z.core.$ZodIssue;

/** A schema's complaints about `value` as problems of a file, below `base`. Values are never repeated. */
export function problemsOf(
  error: z.ZodError,
  value: unknown,
  file: Problem['file'],
  base: Problem['path'],
): readonly Problem[] {
  return error.issues
    .flatMap((issue) => fromIssue(issue, file, base))
    .map((problem) =>
      isMissing(value, problem.path.slice(base.length)) ? { ...problem, text: `missing: ${problem.text}` } : problem,
    );
}

function isMissing(value: unknown, path: Problem['path']): boolean {
  const [key, ...rest] = path;
  if (key === undefined) return value === undefined || value === null;
  // Only looked into, key by key, as parsed YAML.
  return typeof value === 'object' && value !== null
    ? isMissing((value as Readonly<Record<string | number, unknown>>)[key], rest)
    : false;
}

function fromIssue(issue: Issue, file: Problem['file'], base: Problem['path']): readonly Problem[] {
  const path = [...base, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ file, path: [...path, key], text: ownText(issue, 'unknown key') }));
  }
  if (issue.code === 'invalid_union') {
    // The alternative that fits best is the one that fails deepest: a list with one bad element is meant as a list.
    const inside = issue.errors
      .filter((alternative) => alternative.length > 0 && alternative.every((one) => one.path.length > 0))
      .sort((one, other) => one.length - other.length)[0];
    if (inside !== undefined) return inside.flatMap((one) => fromIssue(one, file, path));
  }
  return [{ file, path, text: describe(issue) }];
}

function describe(issue: Issue): string {
  if (issue.code === 'invalid_value') return `expected one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input')) return `expected ${issue.expected}`;
  return ownText(issue, 'not what was expected here');
}

/** Messages of our schemas are ours; zod's defaults begin with a capital letter and hold no input. */
function ownText(issue: Issue, fallback: string): string {
  if (issue.message === '') return fallback;
  return issue.message.charAt(0).toLowerCase() + issue.message.slice(1);
}
