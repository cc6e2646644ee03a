import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KeybatonError } from '../domain/errors.ts';
import type { Head } from './chain.ts';
import type { Db } from './schema.ts';

/**
 * A small file beside the ledger that remembers how far the chain was and where it lay. A ledger that is older than its
 * witness, tells another history, or lies in another place was restored or copied: it may not know what lives now.
 *
 * Found: a database put back from a backup that lacks at least one event the witness saw; a copied or moved-over file;
 * another database under the same URL; a deleted witness. Not found: a whole machine set back, witness and all, or a
 * restore that lost only what was written in the half second before the end.
 */
export interface Witness {
  readonly installation: string;
  /** What identifies the place: the file's inode; the database's system and object id. */
  readonly place: string;
  readonly n: number;
  readonly hash: string;
}

export async function readWitness(path: string): Promise<Witness | 'missing' | 'unreadable'> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    if (isMissing(thrown)) return 'missing';
    throw new KeybatonError('UNAVAILABLE', `the ledger's witness ${path} cannot be read: check its owner and mode`, {
      cause: thrown,
    });
  }
  try {
    const found: unknown = JSON.parse(text);
    return isWitness(found) ? found : 'unreadable';
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return 'unreadable';
    throw thrown;
  }
}

/** Not synced to disk: a witness that lags behind misses a little, one that runs ahead would accuse an honest ledger. */
export async function writeWitness(path: string, witness: Witness): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomUUID()}.new`;
  await writeFile(draft, JSON.stringify(witness), { mode: 0o600 });
  await rename(draft, path);
}

/** Why this ledger must be taken for a restored or copied one; undefined when it is what the witness saw. */
export async function restoredSince(
  db: Db,
  witness: Witness | 'missing' | 'unreadable',
  now: { installation: string; place: string },
): Promise<string | undefined> {
  const head = await db.selectFrom('chain').select(['n', 'hash']).where('id', '=', 1).executeTakeFirstOrThrow();
  if (head.n === 0 && (witness === 'missing' || witness === 'unreadable')) return undefined;
  if (witness === 'missing') return 'its witness file is missing: it was copied or restored without it';
  if (witness === 'unreadable') return 'its witness file cannot be read';
  if (witness.installation !== now.installation) return 'its witness belongs to another installation';
  if (witness.place !== now.place) return 'it lies elsewhere than before: it was copied or restored';
  if (witness.n > head.n) return `it ends at event ${head.n} and had ${witness.n}: it was restored from a backup`;
  if (witness.n === 0) return undefined;
  const seen = await db.selectFrom('events').select('hash').where('n', '=', witness.n).executeTakeFirst();
  return seen?.hash === witness.hash
    ? undefined
    : `event ${witness.n} is not the one that was written: it was restored from a backup`;
}

/** Keeps the witness up to date, at most every half second, and once more when closed. */
export function keepWitness(
  path: string,
  known: { installation: string; place: string },
  start: Head,
): { seen(head: Head): void; close(): Promise<void> } {
  let newest = start;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  const write = (): Promise<void> => {
    timer = undefined;
    const { n, hash } = newest;
    writing = writing.then(() => writeWitness(path, { ...known, n, hash })).catch(ignoreOnce);
    return writing;
  };
  return {
    seen(head) {
      if (head.n <= newest.n) return;
      newest = head;
      timer ??= setTimeout(() => void write(), 500).unref();
    },
    async close() {
      clearTimeout(timer);
      await write();
    },
  };
}

/** A witness that lags is allowed; a full disk must not stop the ledger over it. The next commit writes it again. */
function ignoreOnce(thrown: unknown): void {
  void thrown;
}

export function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
}

function isWitness(found: unknown): found is Witness {
  if (typeof found !== 'object' || found === null) return false;
  const { installation, place, n, hash } = found as Record<string, unknown>;
  return (
    typeof installation === 'string' && typeof place === 'string' && typeof n === 'number' && typeof hash === 'string'
  );
}
