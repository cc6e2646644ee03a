import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { declarationSchema, type Declaration } from './declaration.ts';

/** Reads one declaration. INVALID_CONFIG names every place that is wrong and what belongs there, never what was written. */
export function readDeclaration(file: string, text: string): Declaration {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const [fault] = document.errors;
  if (fault !== undefined) {
    // The parser's own message would quote the file.
    const { line, col } = lines.linePos(fault.pos[0]);
    throw new KeybatonError('INVALID_CONFIG', `${file}:${line}:${col}: not valid YAML (${fault.code})`);
  }
  const read = declarationSchema.safeParse(contentOf(file, document));
  if (read.success) return read.data;
  const told = read.error.issues.flatMap((issue) => wordsOf(issue).map((words) => `${file}: ${words}`));
  throw new KeybatonError('INVALID_CONFIG', told.join('\n'));
}

function contentOf(file: string, document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS({ maxAliasCount: 50 }) as unknown;
  } catch {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `${file}: not valid YAML: aliases that are undefined, or too many of them`,
    );
  }
}

function wordsOf(issue: z.core.$ZodIssue): readonly string[] {
  const at = (more: readonly PropertyKey[] = []): string =>
    [...issue.path, ...more].map(String).join('.') || 'the file';
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => `${at([key])}: unknown key: look for a slip, or take it out`);
  const { message } = issue;
  return [`${at()}: ${message.charAt(0).toLowerCase()}${message.slice(1)}`];
}
