import { mkdir, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { appendDurably, checkOwnMode, openOwnFile } from './json-lines.ts';

/** A file of JSON lines, mode 0600, that is only ever appended to; each line synced. */
export interface JsonFile<Line extends z.ZodType> {
  /** On disk when it returns. */
  append(record: z.input<Line>): Promise<void>;
  /** As it stands now; a line that a crash has torn is none. */
  read(): Promise<readonly z.output<Line>[]>;
}

export function jsonFile<Line extends z.ZodType>(path: string, line: Line): JsonFile<Line> {
  let mark: string | undefined;
  let kept: readonly z.output<Line>[] = [];
  return {
    async append(record) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const file = await openOwnFile(path);
      try {
        await appendDurably(file, [record]);
      } finally {
        await file.close();
      }
    },
    async read() {
      const now = await markOf(path);
      if (now === mark) return kept;
      const text = now === undefined ? '' : await readFile(path, 'utf8');
      const found = text.split('\n').flatMap((raw) => {
        const read = line.safeParse(parseJson(raw));
        return read.success ? [read.data] : [];
      });
      [kept, mark] = [found, now];
      return found;
    },
  };
}

/** What changes whenever the file does; undefined while there is none. INVALID_CONFIG when others may read it. */
export async function markOf(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs, mode } = await stat(path, { bigint: true });
    checkOwnMode(path, Number(mode));
    return `${String(ino)}/${String(size)}/${String(mtimeNs)}`;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
