import { open, stat, type FileHandle } from 'node:fs/promises';
import { KeybatonError } from '../domain/errors.ts';
import { filesOf, linesOf, longestLine, trailTrouble } from './trail-files.ts';

/** Follows a log that grows and is rotated, from one look to the next. Not for two looks at once. */
export interface AuditTail {
  /**
   * Every whole line since the last look, the oldest first; a line may come twice after its file was replaced. Half a line at
   * the end waits for its other half. Answers what could not be followed, for people. When it is cut short by `signal` it
   * throws UNAVAILABLE, and the next look goes on from there. NOT_FOUND, ACCESS_DENIED as for any such file.
   */
  look(onLine: (line: Buffer) => void, signal: AbortSignal): Promise<readonly string[]>;
}

interface Position {
  readonly inode: number;
  /** Bytes whose lines have been handed on. */
  readonly offset: number;
  /** How the file began: one that was cut and written anew has the same inode. */
  readonly head: Buffer;
}

interface Part {
  readonly path: string;
  readonly inode: number;
  readonly size: number;
}

const headLength = 256;
const chunk = 1_048_576;
const newline = 10;

/** `since`, epoch milliseconds: what the first look leaves out. */
export function openAuditTail(file: string, since: number): AuditTail {
  let position: Position | undefined;
  /** Said once in each look that read from the beginning: what came before is not there. */
  let lostBefore: string | undefined;

  async function partsFrom(): Promise<readonly Part[]> {
    const files = await filesOf(file);
    const asked = files.filter(({ changedAt }) => changedAt >= since);
    const parts: Part[] = [];
    for (const { path } of asked) {
      const { ino, size } = await stat(path);
      parts.push({ path, inode: ino, size });
    }
    const last = position;
    const at =
      last === undefined ? -1 : parts.findIndex(({ inode, size }) => inode === last.inode && size >= last.offset);
    const same = last !== undefined && at >= 0 && (await beginsWith(parts[at], last.head));
    if (same) return parts.slice(at);
    if (last !== undefined) {
      // Where we were is gone: packed, cut or removed. What is left is read from its beginning, which misses nothing that is there.
      lostBefore = `${file} was cut or replaced: what stood only there was not seen`;
      position = undefined;
    }
    return parts;
  }

  async function follow(
    part: Part,
    from: number,
    onLine: (line: Buffer) => void,
    signal: AbortSignal,
  ): Promise<number> {
    if (part.path.endsWith('.gz')) {
      await linesOf(part.path, signal, (line) => line !== undefined && onLine(line));
      position = { inode: part.inode, offset: part.size, head: await headOf(part) };
      return 0;
    }
    const handle = await open(part.path, 'r');
    try {
      // Renamed since it was listed: the next look finds both.
      if ((await handle.stat()).ino !== part.inode) return 0;
      return await wholeLines(handle, from, onLine, signal, async (offset) => {
        position = { inode: part.inode, offset, head: await readAt(handle, 0, Math.min(headLength, offset)) };
      });
    } finally {
      await handle.close();
    }
  }

  return {
    async look(onLine, signal) {
      try {
        return await lookOn(onLine, signal);
      } catch (thrown) {
        // Rotation may take a file away between listing and reading it: the next look lists anew.
        throw trailTrouble(thrown, file);
      }
    },
  };

  async function lookOn(onLine: (line: Buffer) => void, signal: AbortSignal): Promise<readonly string[]> {
    const troubles: string[] = [];
    lostBefore = undefined;
    const parts = await partsFrom();
    if (lostBefore !== undefined) troubles.push(lostBefore);
    for (const [n, part] of parts.entries()) {
      const from = n === 0 && position?.inode === part.inode ? position.offset : 0;
      const half = await follow(part, from, onLine, signal);
      // Nothing is written to a rotated file any more.
      if (half > 0 && n < parts.length - 1) troubles.push(`${part.path} ends with half a line`);
    }
    return troubles;
  }
}

/** Hands on every line that has its end; answers how many bytes are left after the last one. */
async function wholeLines(
  handle: FileHandle,
  from: number,
  onLine: (line: Buffer) => void,
  signal: AbortSignal,
  reached: (offset: number) => Promise<void>,
): Promise<number> {
  let offset = from;
  let rest: Buffer = Buffer.alloc(0);
  await reached(offset);
  for (;;) {
    if (signal.aborted) throw new KeybatonError('UNAVAILABLE', 'the audit file is long and still being read');
    const read = await readAt(handle, offset + rest.length, chunk);
    if (read.length === 0) return rest.length;
    const bytes = rest.length === 0 ? read : Buffer.concat([rest, read]);
    let begin = 0;
    for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, begin)) {
      if (at > begin) onLine(bytes.subarray(begin, at));
      begin = at + 1;
    }
    // No line is that long: what cannot be one is passed over.
    if (bytes.length - begin > longestLine) begin = bytes.length;
    rest = bytes.subarray(begin);
    offset += begin;
    if (begin > 0) await reached(offset);
  }
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}

async function headOf({ path }: Part): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    return await readAt(handle, 0, headLength);
  } finally {
    await handle.close();
  }
}

async function beginsWith(part: Part | undefined, head: Buffer): Promise<boolean> {
  return part !== undefined && (await headOf(part)).subarray(0, head.length).equals(head);
}
