import { createReadStream, type ReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createGunzip, type Gunzip } from 'node:zlib';
import { KeybatonError } from '../domain/errors.ts';

/** What was read of a log that may be larger than memory, in several files. */
export interface TrailRead {
  /** The whole of the time since then is there. Undefined: there is no first line to tell. */
  readonly begins: number | undefined;
  /** Lines that were too long or torn, where they mattered. */
  readonly damaged: number;
}

export interface TrailQuery {
  readonly file: string;
  /** Epoch milliseconds: older files are left out. */
  readonly since: number;
  readonly signal: AbortSignal;
}

const newline = 10;
/** No line of such a log is longer; what is, is skipped in pieces. */
export const longestLine = 4 * 1_048_576;

/**
 * Every line of a log and of what rotation made of it (`audit.log`, `audit.log.1`, `audit.log-20260101.gz`), the oldest file
 * first, one line at a time in memory. `timeOf` reads the time of a first line; `onLine` answers false for one that
 * matters and cannot be read. NOT_FOUND when there is no such file, ACCESS_DENIED when it may not be read.
 */
export async function readTrail(
  query: TrailQuery,
  timeOf: (line: Buffer) => number | undefined,
  onLine: (line: Buffer) => boolean,
): Promise<TrailRead> {
  const files = await filesOf(query.file);
  const asked = files.filter(({ changedAt }) => changedAt >= query.since);
  let first: number | undefined;
  let damaged = 0;
  for (const { path } of asked) {
    await linesOf(path, query.signal, (line) => {
      if (line === undefined) return void (damaged += 1);
      if (first === undefined) first = timeOf(line);
      if (!onLine(line)) damaged += 1;
    });
  }
  // An older file that was left out shows that nothing is missing before the first one that was read.
  return { begins: asked.length < files.length ? Math.min(query.since, first ?? query.since) : first, damaged };
}

/** What rotation made of a log, oldest first. NOT_FOUND, ACCESS_DENIED. */
export async function filesOf(file: string): Promise<readonly { readonly path: string; readonly changedAt: number }[]> {
  const [folder, name] = [dirname(file), basename(file)];
  try {
    const names = (await readdir(folder)).filter((one) => one === name || isRotated(one, name));
    const found = await Promise.all(
      names.map(async (one) => ({
        path: one === name ? file : join(folder, one),
        changedAt: (await stat(join(folder, one))).mtimeMs,
      })),
    );
    if (found.length === 0) throw new KeybatonError('NOT_FOUND', `there is no ${file}`);
    // The file itself is the newest, whatever the resolution of the times.
    const live = (path: string): number => (path === file ? 1 : 0);
    return found.sort((one, other) => live(one.path) - live(other.path) || one.changedAt - other.changedAt);
  } catch (thrown) {
    throw trailTrouble(thrown, file);
  }
}

const isRotated = (one: string, name: string): boolean =>
  one.startsWith(name) && /^[.-][0-9][0-9T:.-]*(\.gz)?$/.test(one.slice(name.length));

/** Every line of one file, unpacked. Undefined: a line too long to be one. */
export async function linesOf(
  path: string,
  signal: AbortSignal,
  onLine: (line: Buffer | undefined) => void,
): Promise<void> {
  const raw = createReadStream(path, { highWaterMark: 1_048_576, signal });
  const stream = path.endsWith('.gz') ? unpacked(raw) : raw;
  let rest: Buffer[] = [];
  let length = 0;
  const end = (last: Buffer) => {
    const line = rest.length === 0 ? last : Buffer.concat([...rest, last]);
    if (length + last.length > longestLine) onLine(undefined);
    else if (line.length > 0) onLine(line);
    rest = [];
    length = 0;
  };
  try {
    for await (const chunk of stream) {
      // Without an encoding a stream of bytes gives buffers.
      const bytes = chunk as Buffer;
      let from = 0;
      for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, from)) {
        end(bytes.subarray(from, at));
        from = at + 1;
      }
      const left = bytes.subarray(from);
      length += left.length;
      if (length > longestLine) rest = [];
      else if (left.length > 0) rest.push(Buffer.from(left));
    }
    end(Buffer.alloc(0));
  } catch (thrown) {
    throw trailTrouble(thrown, path);
  }
}

function unpacked(raw: ReadStream): Gunzip {
  const gunzip = createGunzip();
  // A pipe does not hand on errors.
  raw.once('error', (error) => gunzip.destroy(error));
  return raw.pipe(gunzip);
}

/** What the file system says, in our codes. */
export function trailTrouble(thrown: unknown, file: string): unknown {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  if (code === 'ENOENT') return new KeybatonError('NOT_FOUND', `there is no ${file}`);
  if (code === 'EACCES' || code === 'EPERM')
    return new KeybatonError('ACCESS_DENIED', `${file} may not be read by this process`);
  if (code === 'ABORT_ERR') return new KeybatonError('UNAVAILABLE', `reading ${file} was cut short`);
  if (code.startsWith('Z_')) return new KeybatonError('UNAVAILABLE', `${file} is damaged`);
  if (/^E[A-Z0-9]+$/.test(code)) return new KeybatonError('UNAVAILABLE', `${file} cannot be read (${code})`);
  return thrown;
}

/** The text of a JSON string value after a key, without parsing the line: most lines are not ours. */
export function* valuesOf(line: Buffer, key: string): Generator<string> {
  const before = Buffer.from(`"${key}":"`);
  for (let at = line.indexOf(before); at >= 0; at = line.indexOf(before, at + 1)) {
    const begin = at + before.length;
    const end = line.indexOf(34, begin);
    if (end > begin) yield line.toString('utf8', begin, end);
  }
}

export function parsedLine(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'));
  } catch {
    return undefined;
  }
}
