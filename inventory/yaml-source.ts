import { LineCounter, isMap, isNode, isScalar, parseDocument, visit } from 'yaml';
import type { Document } from 'yaml';
import type { PlacedProblem, Problem } from './problem.ts';

/** A YAML file, read once: its plain content, and where each key of it stands. */
export interface YamlSource {
  /** Undefined when the text is no YAML; then `problems` says why. */
  readonly content: unknown;
  readonly problems: readonly PlacedProblem[];
  place(problem: Problem): PlacedProblem;
}

/** The parser's own messages quote the text, which may be a secret pasted in the wrong place: so these are ours. */
const meaning: Readonly<Record<string, string>> = {
  BAD_INDENT: 'wrong indentation, or a bracket that is never closed',
  TAB_AS_INDENT: 'a tab is used as indentation: use spaces',
  DUPLICATE_KEY: 'this key stands twice on the same level: keep one',
  MISSING_CHAR: 'something is never closed or separated: look for a missing quote, bracket, comma or colon',
  BAD_ALIAS: 'an alias (*name) that no anchor (&name) defines',
  UNEXPECTED_TOKEN: 'something stands here that does not belong here: quote the text if it begins with a special sign',
  MULTIPLE_DOCS: 'more than one document (---) in one file: keep one',
  NON_STRING_KEY: 'a key that is no text',
  BAD_SCALAR_START: 'a text may not begin with this sign: put it in quotes',
  MULTILINE_IMPLICIT_KEY: 'a key that goes over several lines: look for a missing colon or quote',
  BLOCK_AS_IMPLICIT_KEY: 'two values on one line: look for a colon too many, or put the text in quotes',
  RESOURCE_EXHAUSTION: 'too many nested levels or aliases',
};

export function readYaml(file: Problem['file'], text: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };

  /** The key itself where there is one; for a missing key, the nearest thing above it that exists. */
  const offsetOf = (path: Problem['path']): number => {
    for (let depth = path.length; depth > 0; depth -= 1) {
      const parent: unknown = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
      const last = path[depth - 1];
      if (isMap(parent)) {
        const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(last));
        if (pair !== undefined && isNode(pair.key) && pair.key.range) return pair.key.range[0];
      }
      const node: unknown = document.getIn(path.slice(0, depth), true);
      if (isNode(node) && node.range) return node.range[0];
    }
    return 0;
  };

  const faults = [...document.errors, ...document.warnings].map(({ code, pos }) => ({
    code,
    offset: pos[0],
  }));
  const broken = [...faults, ...keysOfNoText(document)].map(({ code, offset }) => ({
    file,
    path: [],
    text: `not valid YAML: ${meaning[code] ?? `the parser says ${code}`}`,
    ...at(offset),
  }));
  if (broken.length > 0) return { content: undefined, problems: broken, place: (one) => ({ ...one, ...at(0) }) };

  try {
    return {
      content: document.toJS({ maxAliasCount: 50 }) as unknown,
      problems: [],
      place: (problem) => ({ ...problem, ...at(offsetOf(problem.path)) }),
    };
  } catch {
    // Only aliases can still fail here; the message would quote them.
    const text = 'not valid YAML: aliases that are undefined, or too many of them';
    return {
      content: undefined,
      problems: [{ file, path: [], text, ...at(0) }],
      place: (one) => ({ ...one, ...at(0) }),
    };
  }
}

/** A list or map as a key would become its own text, and the parser would print it in a warning. */
function keysOfNoText(document: Document.Parsed): readonly { code: string; offset: number }[] {
  const found: { code: string; offset: number }[] = [];
  visit(document, {
    Pair(_key, { key }) {
      if (isNode(key) && !isScalar(key)) found.push({ code: 'NON_STRING_KEY', offset: key.range?.[0] ?? 0 });
    },
  });
  return found;
}
