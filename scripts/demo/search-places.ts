import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { temporaryFolder } from '../servers/temporary-folder.ts';

/** One place that is searched: bytes to look through, under a name for people. */
export interface Place {
  readonly name: string;
  readonly bytes: readonly Buffer[];
}

/** What SQLite keeps beside a database belongs to the database's own place; the shared memory holds page numbers alone. */
const besideDatabase = /-(wal|shm)$/;

/** Every file of a folder, but for those named. */
export function filesOf(folder: string, except: readonly string[] = []): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !except.includes(entry.name) && !besideDatabase.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The last lines of every log that has any. */
export function endsOfLogs(folder: string): readonly string[] {
  return filesOf(folder)
    .filter((file) => !/(postgresql|consumer-.*|watch)\.log$/.test(file))
    .flatMap((file) => {
      const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-8);
      return lines.join('') === '' ? [] : [`--- ${basename(file)}`, ...lines];
    });
}

export function isDatabase(file: string): boolean {
  return readFileSync(file).subarray(0, 15).toString('latin1') === 'SQLite format 3';
}

/** A file; of a SQLite database also its log and, since rows lie in pieces on its pages, every row as SQLite reads it. */
export function placeOf(file: string): Place {
  const bytes: Buffer[] = [readFileSync(file)];
  if (isDatabase(file)) {
    if (existsSync(`${file}-wal`)) bytes.push(readFileSync(`${file}-wal`));
    bytes.push(...rowsOf(file));
  }
  return { name: basename(file), bytes };
}

function rowsOf(file: string): Buffer[] {
  // A copy: the original belongs to a running process.
  const folder = temporaryFolder('search');
  try {
    const copy = join(folder.path, 'copy.sqlite');
    copyFileSync(file, copy);
    if (existsSync(`${file}-wal`)) copyFileSync(`${file}-wal`, `${copy}-wal`);
    const database = new Sqlite(copy);
    try {
      const rows: Buffer[] = [];
      const tables = database.prepare("select name from sqlite_master where type = 'table'").pluck().all();
      for (const table of tables) {
        const name = String(table).replaceAll('"', '""');
        for (const row of database.prepare(`select * from "${name}"`).raw().iterate()) {
          // `raw` gives each row as an array of its columns.
          for (const cell of row as readonly unknown[]) {
            if (Buffer.isBuffer(cell)) rows.push(cell);
            else if (typeof cell === 'string') rows.push(Buffer.from(cell, 'utf8'));
          }
        }
      }
      return rows;
    } finally {
      database.close();
    }
  } finally {
    folder.remove();
  }
}

/** What other users of the machine can see of our processes: their arguments and, of the same user, their environment. */
export function processPlaces(withoutEnvironment: readonly number[]): readonly Place[] {
  const ids = descendantsOf(process.pid);
  const args = ids.map((pid) => execFileSafely(['-o', 'args=', '-ww', '-p', `${pid}`]));
  const environments = ids
    .filter((pid) => !withoutEnvironment.includes(pid))
    .map((pid) => {
      const file = `/proc/${pid}/environ`;
      try {
        if (existsSync(file)) return readFileSync(file);
      } catch (error) {
        // It has ended meanwhile, or is another user's: nobody of ours can read it either.
        if (!(error instanceof Error && 'code' in error)) throw error;
        return Buffer.alloc(0);
      }
      return Buffer.from(execFileSafely(['eww', '-o', 'command=', '-p', `${pid}`]));
    });
  return [
    { name: 'arguments of every process', bytes: args.map((text) => Buffer.from(text)) },
    { name: 'environment of every process', bytes: environments },
  ];
}

function execFileSafely(args: readonly string[]): string {
  try {
    return execFileSync('ps', [...args], { encoding: 'utf8', maxBuffer: 1e8 });
  } catch (error) {
    // `ps` ends with 1 when the process has ended meanwhile.
    if (error instanceof Error && 'status' in error && error.status === 1) return '';
    throw error;
  }
}

export function descendantsOf(pid: number): readonly number[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  const found = [pid];
  for (const parent of found)
    for (const [child, of] of rows) if (of === parent && child !== undefined) found.push(child);
  return found;
}
