import { readFile, stat } from 'node:fs/promises';
import { codeOf, KeybatonError } from '../../domain/errors.ts';
import { parseAccess } from './access-file.ts';
import type { AccessFile } from './access-file.ts';

export interface AccessReader {
  /** As it stands now: read again whenever the file has changed. */
  current(): Promise<AccessFile>;
}

/**
 * Opens the access file; undefined when there is none. INVALID_CONFIG when it is wrong, or when others may write it: who
 * writes it is everybody. A later change that cannot be used leaves the last good one in force, and is told to `trouble`.
 */
export async function openAccessFile(
  path: string,
  trouble: (what: string, code: string) => void,
): Promise<AccessReader | undefined> {
  let mark = await markOf(path);
  if (mark === undefined) return undefined;
  let good = parseAccess(await readFile(path, 'utf8'), path);

  async function readAgain(): Promise<void> {
    const now = await markOf(path);
    if (now === mark) return;
    // A file that is gone is a mistake too: it must not end everybody's access in the middle of an emergency.
    if (now === undefined) throw new KeybatonError('INVALID_CONFIG', `${path} is gone`);
    const read = parseAccess(await readFile(path, 'utf8'), path);
    [good, mark] = [read, now];
  }

  return {
    async current() {
      try {
        await readAgain();
      } catch (thrown) {
        trouble('the access file has a mistake, the last good one is in force', codeOf(thrown));
      }
      return good;
    },
  };
}

async function markOf(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs, mode } = await stat(path, { bigint: true });
    if ((Number(mode) & 0o022) !== 0)
      throw new KeybatonError('INVALID_CONFIG', `${path} can be written by others: run chmod 644 on it, or 600`);
    return `${String(ino)}/${String(size)}/${String(mtimeNs)}`;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
