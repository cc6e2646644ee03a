import { readFile } from 'node:fs/promises';
import { problem } from '../problem.ts';

/** What a platform mounts and keeps fresh: read at each use. INVALID_CONFIG when it cannot be. */
export async function readTokenFile(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw problem('INVALID_CONFIG', `the token file ${file} cannot be read (${code})`);
  }
}
