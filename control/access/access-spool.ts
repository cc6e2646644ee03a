import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { appendDurably, openOwnFile } from './json-lines.ts';

/** A reading as it is written: its id is its own among all processes, so that what lies in two places is known for one. */
export interface LoggedRead {
  readonly id: string;
  readonly [name: string]: unknown;
}

/** Where readings are kept, on disk, while the log cannot be written. */
export interface AccessSpool {
  /** Returns when they are on disk, in a file that nobody has taken to import it before they were in it. */
  add(reads: readonly LoggedRead[]): Promise<void>;
  close(): Promise<void>;
}

/** The log as it was before the first reading of this process: what is spooled can only lie behind that. */
export interface LogBefore {
  readonly file: string;
  readonly from: number;
}

/** Whose it is: the process that fills it, then the one that imports it. */
const spoolName = /^access-(\d+)-[0-9a-f-]{36}\.jsonl(?:\.importing-(\d+))?$/;

export function openSpool(folder: string, before: () => LogBefore): AccessSpool {
  let held: { readonly path: string; readonly file: FileHandle; readonly inode: number } | undefined;

  async function begin() {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `access-${String(process.pid)}-${randomUUID()}.jsonl`);
    const file = await openOwnFile(path);
    await appendDurably(file, [{ log: before() }]);
    // The name must outlive a crash too.
    const directory = await open(folder, 'r');
    await directory.sync().finally(() => directory.close());
    return { path, file, inode: (await file.stat()).ino };
  }

  async function end(): Promise<void> {
    const { file } = held ?? {};
    held = undefined;
    await file?.close();
  }

  return {
    async add(reads) {
      for (;;) {
        held ??= await begin();
        await appendDurably(held.file, reads);
        // Taken meanwhile: whoever imports it may have read it before they were there.
        if ((await inodeOf(held.path)) === held.inode) return;
        await end();
      }
    },
    close: end,
  };
}

const headerLine = z.object({ log: z.object({ file: z.string(), from: z.number() }) });
const readLine = z.looseObject({ id: z.string() });

interface ImportSpools {
  readonly folder: string;
  /** The log. */
  readonly path: string;
  readonly settled: () => boolean;
  readonly append?: typeof appendDurably;
}

/**
 * Appends to the log what lies in spool files, also of processes that have ended: each reading that is not in it yet, once. A file
 * goes when all of it is on disk in the log; killed anywhere, the next import goes on. `settled`: no append of ours to the log may
 * still happen; UNAVAILABLE otherwise. Answers how many were added.
 */
export async function importSpools(asked: ImportSpools): Promise<number> {
  const mine = turn.then(() => importAll(asked));
  turn = mine.catch(() => undefined);
  return mine;
}

/** One import at a time in a process: by its id alone two could not tell whose a file is. */
let turn: Promise<unknown> = Promise.resolve();

async function importAll({ folder, path: logPath, settled, append = appendDurably }: ImportSpools): Promise<number> {
  let added = 0;
  for (const name of await namesIn(folder)) {
    const path = await taken(folder, name);
    if (path === undefined) continue;
    const { header, reads } = parse(await readFile(path, 'utf8'));
    // What was spooled because its append did not answer is looked for only when that is over.
    if (!settled()) throw new KeybatonError('UNAVAILABLE', 'the access log has not answered yet');
    const log = await openOwnFile(logPath);
    try {
      const from = header?.file === (await identityOf(logPath)) ? (header?.from ?? 0) : 0;
      for (const id of await idsIn(logPath, from, reads)) reads.delete(id);
      if (reads.size > 0) await append(log, [...reads.values()]);
      added += reads.size;
    } finally {
      await log.close();
    }
    await unlink(path);
  }
  return added;
}

/** Its new name, by which no other process takes it; undefined when another has it. */
async function taken(folder: string, name: string): Promise<string | undefined> {
  const [, filler, importer = filler] = spoolName.exec(name) ?? [];
  if (Number(importer) !== process.pid && isAlive(Number(importer))) return undefined;
  const mine = join(folder, `${name.replace(/\.importing-\d+$/, '')}.importing-${String(process.pid)}`);
  try {
    if (mine !== join(folder, name)) await rename(join(folder, name), mine);
    return mine;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

function parse(text: string): { header: LogBefore | undefined; reads: Map<string, LoggedRead> } {
  let header: LogBefore | undefined;
  const reads = new Map<string, LoggedRead>();
  for (const line of text.split('\n')) {
    const content = parsed(line);
    header ??= headerLine.safeParse(content).data?.log;
    const read = readLine.safeParse(content).data;
    // A line that a crash has torn was answered to nobody.
    if (read !== undefined) reads.set(read.id, read);
  }
  return { header, reads };
}

/** Which of these readings the log holds already: an append that failed may have been done. */
async function idsIn(path: string, from: number, wanted: ReadonlyMap<string, unknown>): Promise<readonly string[]> {
  const found: string[] = [];
  const lines = createInterface({ input: createReadStream(path, { start: from }), crlfDelay: Infinity });
  for await (const line of lines) {
    const id = readLine.safeParse(parsed(line)).data?.id;
    if (id !== undefined && wanted.has(id)) found.push(id);
  }
  return found;
}

/** Which file it is, whatever its name. */
export async function identityOf(path: string): Promise<string> {
  const { dev, ino } = await stat(path);
  return `${String(dev)}/${String(ino)}`;
}

async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => spoolName.test(name)).toSorted();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const isAbsent = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';
