import { mkdir, open, readdir, readFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isKeybatonError, KeybatonError } from '../domain/errors.ts';
import type { Declaration, FrozenVersion, KillFact } from '../domain/incident.ts';

/** What one journal says. */
export interface ReadJournal {
  readonly declaration: Declaration;
  readonly versions: readonly FrozenVersion[];
  /** Oldest first. */
  readonly facts: readonly KillFact[];
  /** Nothing was written since the ledger took all of it. */
  readonly imported: boolean;
}

/** One incident's file, open for adding to it. Nothing is answered before it is on disk. */
export interface OpenJournal {
  readonly read: ReadJournal;
  add(facts: readonly KillFact[]): Promise<void>;
  close(): Promise<void>;
}

type Line =
  | { readonly kind: 'declared'; readonly declaration: Declaration; readonly versions: readonly FrozenVersion[] }
  | { readonly kind: 'fact'; readonly fact: KillFact }
  | { readonly kind: 'imported'; readonly lines: number };

const incidentName = /^[a-z0-9][a-z0-9-]{0,62}$/;
const ending = '.jsonl';

const folderOf = (home: string): string => join(home, 'incidents');

function pathOf(home: string, incident: string): string {
  if (incidentName.test(incident)) return join(folderOf(home), `${incident}${ending}`);
  throw new KeybatonError('INVALID_CONFIG', 'an incident is named by 1 to 63 of a-z 0-9 -');
}

/**
 * Opens the journal of an incident and writes its declaration, unless it is there: the same declaration again changes
 * nothing, and versions it did not name are added. Mode 0600, every line synced. A line that was torn by a crash stays
 * where it is and is passed over. CONFLICT when the file declares something else; CAPACITY_EXHAUSTED, ACCESS_DENIED.
 */
export async function openJournal(
  home: string,
  declaration: Declaration,
  versions: readonly FrozenVersion[],
): Promise<OpenJournal> {
  const path = pathOf(home, declaration.incident);
  return diskErrors(async () => {
    await mkdir(folderOf(home), { recursive: true, mode: 0o700 });
    const file = await open(path, 'a+', 0o600);
    try {
      await file.chmod(0o600);
      const text = await readFile(path, 'utf8');
      const before = parse(text);
      if (before !== undefined && !sameDeclaration(before.declaration, declaration))
        throw new KeybatonError('CONFLICT', `journal ${path} declares another incident of the same name`);
      const known = new Set((before?.versions ?? []).map(({ version }) => version));
      const fresh = versions.filter(({ version }) => !known.has(version));
      const torn = text !== '' && !text.endsWith('\n');
      const lines: Line[] =
        before === undefined || fresh.length > 0 ? [{ kind: 'declared', declaration, versions: fresh }] : [];
      if (torn || lines.length > 0) await write(file, lines, torn);
      await syncFolder(home);
      const read: ReadJournal = {
        declaration: before?.declaration ?? declaration,
        versions: [...(before?.versions ?? []), ...fresh],
        facts: before?.facts ?? [],
        imported: lines.length === 0 && (before?.imported ?? false),
      };
      // Lines of two writers must not be mixed, nor one be told before it is synced.
      let last: Promise<void> = Promise.resolve();
      return {
        read,
        add(facts) {
          last = last
            .catch(() => undefined)
            .then(() =>
              diskErrors(() =>
                write(
                  file,
                  facts.map((fact) => ({ kind: 'fact', fact })),
                ),
              ),
            );
          return last;
        },
        async close() {
          await last.catch(() => undefined);
          await file.close();
        },
      };
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  });
}

/** Every journal of this installation, newest declaration first. One that cannot be read is told, not thrown. */
export async function readJournals(
  home: string,
): Promise<{ readonly journals: readonly ReadJournal[]; readonly troubles: readonly string[] }> {
  const journals: ReadJournal[] = [];
  const troubles: string[] = [];
  for (const name of await names(home)) {
    const path = join(folderOf(home), name);
    try {
      const journal = parse(await readFile(path, 'utf8'));
      if (journal === undefined) troubles.push(`${path} holds no declaration`);
      else journals.push(journal);
    } catch (thrown) {
      troubles.push(`${path}: ${diskFailure(thrown).message}`);
    }
  }
  return { journals: journals.toSorted((a, b) => b.declaration.declaredAt - a.declaration.declaredAt), troubles };
}

/** Says in the journal that the ledger has what `journal` read. What was added meanwhile is not covered by it. */
export async function markImported(home: string, { declaration, facts }: ReadJournal): Promise<void> {
  const path = pathOf(home, declaration.incident);
  await diskErrors(async () => {
    const file = await open(path, 'a', 0o600);
    try {
      const text = await readFile(path, 'utf8');
      await write(file, [{ kind: 'imported', lines: facts.length }], !text.endsWith('\n'));
    } finally {
      await file.close();
    }
  });
}

async function names(home: string): Promise<readonly string[]> {
  try {
    return (await readdir(folderOf(home))).filter((name) => name.endsWith(ending)).toSorted();
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return [];
    throw diskFailure(thrown);
  }
}

/** One write for all of them: a crash tears the last line at most. */
async function write(file: FileHandle, lines: readonly Line[], afterTorn = false): Promise<void> {
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  await file.appendFile(afterTorn ? `\n${text}` : text);
  await file.sync();
}

/** The name of a new file is on disk only with its folder. */
async function syncFolder(home: string): Promise<void> {
  const folder = await open(folderOf(home), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Undefined when nothing in it declares. */
function parse(text: string): ReadJournal | undefined {
  let declaration: Declaration | undefined;
  const versions = new Map<string, FrozenVersion>();
  const facts: KillFact[] = [];
  let imported = -1;
  for (const line of text.split('\n')) {
    const read = lineOf(line);
    if (read?.kind === 'declared') {
      declaration ??= read.declaration;
      for (const version of read.versions) {
        // A version that came after an import is news to the ledger.
        if (!versions.has(version.version)) imported = -1;
        versions.set(version.version, versions.get(version.version) ?? version);
      }
    }
    if (read?.kind === 'fact') facts.push(read.fact);
    if (read?.kind === 'imported') imported = read.lines;
  }
  if (declaration === undefined) return undefined;
  return { declaration, versions: [...versions.values()], facts, imported: imported >= facts.length };
}

/** Undefined for a torn one. */
function lineOf(text: string): Line | undefined {
  try {
    const line: unknown = JSON.parse(text);
    // Lines are written by this file alone, each whole or torn: what parses and has a kind is one of ours.
    return typeof line === 'object' && line !== null && 'kind' in line ? (line as Line) : undefined;
  } catch {
    return undefined;
  }
}

const sameDeclaration = (one: Declaration, other: Declaration): boolean =>
  one.incident === other.incident && one.declaredAt === other.declaredAt && one.scope === other.scope;

async function diskErrors<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (thrown) {
    throw diskFailure(thrown);
  }
}

function diskFailure(thrown: unknown): KeybatonError {
  if (isKeybatonError(thrown)) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
  const more = { cause: thrown };
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new KeybatonError('CAPACITY_EXHAUSTED', 'the disk is full: an incident journal cannot be written', more);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new KeybatonError('ACCESS_DENIED', 'this user may not use the incident journals: check KEYBATON_HOME', more);
  return new KeybatonError('UNAVAILABLE', `an incident journal cannot be read or written (${code})`, more);
}
