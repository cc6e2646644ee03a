import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { KeybatonError } from '../../domain/errors.ts';

/** Opens a file of ours for appending; INVALID_CONFIG when anyone but its owner may read or write it. */
export async function openOwnFile(path: string): Promise<FileHandle> {
  const file = await open(path, 'a', 0o600);
  try {
    checkOwnMode(path, (await file.stat()).mode);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

export function checkOwnMode(path: string, mode: number): void {
  if ((mode & 0o077) === 0) return;
  throw new KeybatonError('INVALID_CONFIG', `${path} can be read by others: run chmod 600 on it`);
}

/**
 * Appends records, one JSON line each, and returns when they are on disk. Several processes may append: each call is one
 * write to the end. It begins with a line break, so that a line torn by a crash never swallows the next one.
 */
export async function appendDurably(file: FileHandle, records: readonly unknown[]): Promise<void> {
  const bytes = Buffer.from(records.map((record) => `\n${JSON.stringify(record)}`).join('') + '\n', 'utf8');
  try {
    const { bytesWritten } = await file.write(bytes);
    if (bytesWritten < bytes.length) throw new KeybatonError('CAPACITY_EXHAUSTED', 'the disk is full');
    await file.datasync();
  } catch (error) {
    throw diskProblem(error);
  }
}

function diskProblem(error: unknown): KeybatonError {
  if (error instanceof KeybatonError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new KeybatonError(
    full ? 'CAPACITY_EXHAUSTED' : 'UNAVAILABLE',
    `a record could not be written to disk (${code})`,
    {
      cause: error,
    },
  );
}

/** What changes whenever the file does; undefined while there is no file. */
export async function markOfFile(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs, mode } = await stat(path, { bigint: true });
    checkOwnMode(path, Number(mode));
    return `${String(ino)}/${String(size)}/${String(mtimeNs)}`;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
