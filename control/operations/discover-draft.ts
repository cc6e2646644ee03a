import { parseDocument, stringify } from 'yaml';
import type { Adapters } from '../../inventory/adapters.ts';
import { readInventory } from '../../inventory/read.ts';
import type { BackendPlace } from '../../inventory/targets.ts';
import type { Drafted, DraftedEntries } from './discover-entries.ts';

export interface DraftInput {
  readonly entries: DraftedEntries;
  readonly team: string;
  /** The targets file there is. */
  readonly targets: string | undefined;
  /** Backends that stand in no targets file yet. */
  readonly backends: Readonly<Record<string, BackendPlace>>;
  readonly adapters: Adapters;
}

export interface Draft {
  readonly inventory: string;
  /** Undefined: the targets file there is suffices. */
  readonly targets: string | undefined;
  readonly credentials: readonly string[];
  readonly left: readonly string[];
}

/** How often what does not pass is taken out. */
const rounds = 20;

/**
 * Both files, as `keybaton apply` takes them: they have been read by what it reads them with, and what did not pass was taken
 * out and told. Pure.
 */
export function draftFiles(input: DraftInput): Draft {
  const credentials = { ...input.entries.credentials };
  const targets = { ...input.entries.targets };
  const left = [...input.entries.left];
  for (let round = 0; ; round += 1) {
    dropUnused(targets, credentials);
    const inventoryText = inventoryOf(credentials, input.team);
    const targetsText = targetsOf(input, targets);
    const texts = { inventory: inventoryText, targets: targetsText ?? input.targets ?? '' };
    const reading = readInventory({ ...texts, adapters: input.adapters, others: [] });
    if (reading.kind === 'checked' || round === rounds)
      return { inventory: inventoryText, targets: targetsText, credentials: Object.keys(credentials), left };
    let dropped = 0;
    for (const { file, path, text } of reading.problems) {
      const [, name] = path.map(String);
      const ids =
        file === 'inventory'
          ? Object.keys(credentials).filter((id) => id === name)
          : Object.keys(credentials).filter((id) => credentials[id]?.written['target'] === name);
      for (const id of ids) {
        left.push(`${credentials[id]?.from ?? id}: ${text}`);
        delete credentials[id];
        dropped += 1;
      }
    }
    // What is wrong with the targets file itself is its owner's to mend; `apply` tells it.
    if (dropped === 0)
      return { inventory: inventoryText, targets: targetsText, credentials: Object.keys(credentials), left };
  }
}

function dropUnused(targets: Record<string, Drafted>, credentials: Readonly<Record<string, Drafted>>): void {
  const used = new Set(Object.values(credentials).map(({ written }) => written['target']));
  for (const name of Object.keys(targets)) if (!used.has(name)) delete targets[name];
}

function inventoryOf(credentials: Readonly<Record<string, Drafted>>, team: string): string {
  const teams = new Set([...Object.values(credentials).map(({ written }) => String(written['team'])), team]);
  const entries = Object.keys(credentials).length === 0 ? 'credentials: {}\n' : `credentials:\n${parts(credentials)}`;
  return `${stringify({ teams: [...teams].sort() })}\n${entries}`;
}

function targetsOf(input: DraftInput, targets: Readonly<Record<string, Drafted>>): string | undefined {
  const { backends } = input;
  if (Object.keys(targets).length + Object.keys(backends).length === 0) return undefined;
  const places = Object.fromEntries(
    Object.entries(backends).map(([name, { kind, settings, admin }]) => [
      name,
      { kind, ...(admin !== undefined && { admin }), settings },
    ]),
  );
  if (input.targets === undefined) {
    const own = Object.keys(targets).length === 0 ? 'targets: {}\n' : `targets:\n${parts(targets)}`;
    return `${own}\n${stringify({ backends: places })}`;
  }
  // What stands there stays as it is, comments too.
  const document = parseDocument(input.targets);
  for (const [name, { written, notes }] of Object.entries(targets)) {
    const node = document.createNode(written);
    node.commentBefore = notes.map((note) => ` ${oneLine(note)}`).join('\n');
    document.setIn(['targets', name], node);
  }
  for (const [name, place] of Object.entries(places)) document.setIn(['backends', name], document.createNode(place));
  return document.toString();
}

function parts(drafted: Readonly<Record<string, Drafted>>): string {
  return Object.entries(drafted)
    .map(([name, { written, notes }]) => {
      const comments = notes.map((note) => `# ${oneLine(note)}\n`).join('');
      return `${comments}${stringify({ [name]: written }, { aliasDuplicateObjects: false })}`.replace(/^(?=.)/gm, '  ');
    })
    .join('\n');
}

/** Names in a vault are anybody's text: none may end a comment. */
export function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are exactly what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, ' ');
}
