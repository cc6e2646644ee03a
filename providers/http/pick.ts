import { compile, type JSONPathQuery, type JSONValue } from 'json-p3';

/** JSONPath (RFC 9535) by a parser of its own: nothing in an expression or an answer is ever run as code. */
const compiled = new Map<string, JSONPathQuery>();

function queryOf(path: string): JSONPathQuery {
  const known = compiled.get(path);
  if (known !== undefined) return known;
  const made = compile(path);
  compiled.set(path, made);
  return made;
}

/** What is wrong with a path that must name one place, in words of ours; undefined: nothing. */
export function pathProblem(path: string): string | undefined {
  try {
    return queryOf(path).singularQuery()
      ? undefined
      : 'this JSONPath may find several values: name one place, as in $.data.id (no *, .., ranges or filters)';
  } catch {
    return "not a JSONPath: begin with $, as in $.data.id, or $['api-keys'] for a name with a dash";
  }
}

/** The value at a path that `pathProblem` has accepted; undefined where there is none. */
export function pick(path: string, body: unknown): unknown {
  if (body === undefined) return undefined;
  // What was parsed from JSON is a JSON value by construction.
  return queryOf(path).match(body as JSONValue)?.value;
}
