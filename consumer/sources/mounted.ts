import type { Stats } from 'node:fs';
import { open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pause } from '../pause.ts';
import { problem } from '../problem.ts';
import { storedFromText } from '../source.ts';
import type { Source, Stored } from '../source.ts';

export interface MountedOptions {
  /** A folder with one file per field, as Kubernetes mounts a Secret, or a file with a JSON object. */
  readonly path: string;
  /** Milliseconds between two looks whether something was written: 1 000. */
  readonly every?: number;
}

/** What Kubernetes swaps in one step; the files beside it lead through it. */
const swapped = '..data';
const looks = 5;
const largest = 4_000_000;

/**
 * A folder or file that something else writes: a mounted Secret, Vault Agent, the CSI driver. What is read belongs to one
 * moment: a folder that is swapped meanwhile is read anew. It shows no earlier version, so only one that was held
 * before is fallen back to.
 */
export function mounted({ path, every = 1_000 }: MountedOptions): Source {
  const name = `what is mounted at ${path}`;

  async function readOnce(): Promise<Stored> {
    const about = await stat(path);
    if (about.isDirectory()) return await readFolder(path);
    const read = storedFromText(await readWhole(path));
    if (read === undefined) throw problem('INVALID_CONFIG', `${name} is neither a folder nor a JSON object`);
    return read;
  }

  return {
    name,
    async current(signal) {
      for (let look = 1; ; look += 1) {
        try {
          const before = await markOf(path);
          const read = await readOnce();
          if ((await markOf(path)) === before) return read;
        } catch (error) {
          if (look >= looks || signal.aborted) throw told(error);
        }
        if (look >= looks) throw problem('UNAVAILABLE', `${name} changes while it is read`);
        await wait(20 * look);
      }
    },
    async watch(changed, signal) {
      let last = await markOf(path).catch(() => undefined);
      while (!signal.aborted) {
        // Looked at rather than watched: what the kernel tells of symbolic links and network file systems differs.
        await pause(every, signal);
        const now = await markOf(path).catch(() => last);
        if (now === last || signal.aborted) continue;
        last = now;
        changed();
      }
    },
  };

  function told(error: unknown): unknown {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return problem('NOT_FOUND', `${name} is not there`);
    if (code === 'EACCES') return problem('ACCESS_DENIED', `${name} may not be read by this process`);
    return error;
  }
}

/** Through the folder that stood there at one moment: its files stay together whatever is swapped in. */
async function readFolder(path: string): Promise<Stored> {
  const folder = await realpath(join(path, swapped)).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return path;
    throw error;
  });
  const files = (await readdir(folder)).filter((file) => !file.startsWith('.'));
  const fields = await Promise.all(
    files.map(async (file) => {
      const whole = join(folder, file);
      return (await stat(whole)).isFile() ? ([[file, await readWhole(whole)]] as const) : [];
    }),
  );
  return Object.fromEntries(fields.flat());
}

async function readWhole(file: string): Promise<string> {
  const handle = await open(file);
  try {
    if ((await handle.stat()).size > largest)
      throw problem('INVALID_CONFIG', 'a mounted file is too large for a secret');
    return withoutLineEnd(await readFile(handle, 'utf8'));
  } finally {
    await handle.close();
  }
}

/** Templates and editors end a line; a key is one line. What has several, such as PEM, is kept as it is. */
function withoutLineEnd(text: string): string {
  const line = text.replace(/\r?\n$/, '');
  return line.includes('\n') ? text : line;
}

/** Changes with what lies there: the folder behind the link, or the file itself, and of a plain folder each of its files. */
async function markOf(path: string): Promise<string> {
  const about = await stat(path);
  if (!about.isDirectory()) return markOfFile(about);
  const behind = await realpath(join(path, swapped)).catch(() => undefined);
  if (behind !== undefined) return behind;
  const files = (await readdir(path)).filter((file) => !file.startsWith('.')).toSorted();
  const marks = files.map(async (file) => `${file}=${markOfFile(await stat(join(path, file)))}`);
  return (await Promise.all(marks)).join('\n');
}

function markOfFile({ ino, mtimeMs, size }: Stats): string {
  return [ino, mtimeMs, size].join('/');
}
