import { codeOf, KeybatonError } from '../../domain/errors.ts';
import { grantsFor, seesEntry } from '../access/roles.ts';
import { askLedger } from './emergency-known.ts';
import type { Caller, EntryScope, OperationPorts } from './operation.ts';
import { entryScope } from './entry-scope.ts';

/** What stands where the id of a credential stood that the caller may not see. */
export const untold = 'a credential of another team';

/** What the caller may see by any of their grants: more than what they may do something with. */
export function visibleTo(caller: Caller): Caller['sees'] {
  const { principal } = caller;
  if (principal === undefined) return (scope) => caller.sees(scope);
  const grants = grantsFor('show', principal.grants);
  return (scope) => seesEntry(grants, scope);
}

/** Whoever sees what no team owns sees everything. */
export const seesAll = (sees: Caller['sees']): boolean => sees({ environment: '', team: '', groups: [] });

/**
 * The last look at what an operation says, to whoever does not see everything: texts that were written for all (alarms,
 * scopes, reasons, reports, errors) may name a credential of another team. Answers that list credentials are narrowed by their
 * own operation; this finds what a sentence says beside it. An id that an entry of the caller's names is no news to them.
 */
export async function withoutOthers<Answer>(
  ports: OperationPorts,
  caller: Caller,
  run: () => Promise<Answer>,
): Promise<Answer> {
  const sees = visibleTo(caller);
  if (seesAll(sees)) return run();
  let hidden: Promise<ReadonlySet<string>> | undefined;
  const mask = async <Value>(said: Value): Promise<Value> => {
    if (!mayName(said)) return said;
    hidden ??= hiddenIds(ports, sees);
    const ids = await hidden;
    // The same value with other words in its texts.
    return ids.size === 0 ? said : (masked(said, ids) as Value);
  };
  let answer: Answer;
  try {
    answer = await run();
  } catch (thrown) {
    if (!(thrown instanceof KeybatonError)) throw thrown;
    const text = await mask(thrown.message);
    if (text === thrown.message) throw thrown;
    const { retryAfter } = thrown;
    throw new KeybatonError(codeOf(thrown), text, retryAfter === undefined ? {} : { retryAfter });
  }
  return mask(answer);
}

/** Ids that exist, that the caller may not see, and that no entry of theirs names. From the ledger, else the kill sheet. */
async function hiddenIds(ports: OperationPorts, sees: Caller['sees']): Promise<ReadonlySet<string>> {
  const emergency = await ports.incidentPorts();
  const asked = await askLedger(emergency, (ledger) => ledger.inventory());
  const named = new Set<string>();
  const hidden = new Set<string>();
  const sort = (id: string, scope: EntryScope, names: readonly string[]): void => {
    if (sees(scope)) names.forEach((one) => named.add(one));
    else hidden.add(id);
  };
  if ('answer' in asked)
    for (const entry of asked.answer.entries) {
      const { id, dependents, apartFrom, movedFrom } = entry;
      sort(id, entryScope(entry), [...dependents, ...apartFrom, ...(movedFrom === undefined ? [] : [movedFrom])]);
    }
  else {
    const { sheet } = await emergency.known.killSheet();
    for (const { credential, team, groups, dependents } of sheet?.credentials ?? [])
      sort(credential, { environment: credential.split('/')[1] ?? '', team, groups }, dependents ?? []);
  }
  return new Set([...hidden].filter((id) => !named.has(id)));
}

/** Words with at least two slashes between them: an id, or a path that may hold one. */
const likeIds = /[a-z0-9][a-z0-9-]*(?:\/[a-z0-9][a-z0-9-]*){2,}/g;

function mayName(said: unknown): boolean {
  if (typeof said === 'string') return said.search(likeIds) >= 0;
  if (typeof said !== 'object' || said === null) return false;
  return Object.entries(said).some(([key, value]) => mayName(key) || mayName(value));
}

function masked(said: unknown, hidden: ReadonlySet<string>): unknown {
  if (typeof said === 'string') return said.replaceAll(likeIds, (words) => withoutIds(words, hidden));
  if (Array.isArray(said)) return said.map((one) => masked(one, hidden));
  // Answers are plain JSON: what has another prototype is nobody's text.
  if (typeof said !== 'object' || said === null) return said;
  return Object.fromEntries(
    Object.entries(said).map(([key, value]) => [String(masked(key, hidden)), masked(value, hidden)]),
  );
}

function withoutIds(words: string, hidden: ReadonlySet<string>): string {
  const parts = words.split('/');
  const told: string[] = [];
  for (let at = 0; at < parts.length;) {
    const found = hidden.has(parts.slice(at, at + 3).join('/'));
    told.push(found ? untold : (parts[at] ?? ''));
    at += found ? 3 : 1;
  }
  return told.join('/');
}
