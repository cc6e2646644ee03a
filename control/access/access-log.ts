import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, isKeybatonError, KeybatonError } from '../../domain/errors.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import { identityOf, importSpools, type LoggedRead, openSpool } from './access-spool.ts';
import { appendDurably, openOwnFile } from './json-lines.ts';

/** One reading of a secret: who, from where, which version. Written before the secret is answered. */
export interface SecretRead {
  readonly at: number;
  readonly credential: CredentialId;
  readonly consumer: string;
  /** Names the token, never the token itself. */
  readonly token: string;
  readonly address: string;
  readonly which: 'current' | 'previous';
  readonly version: VersionId;
  readonly epoch: number;
}

export interface AccessLog {
  /** Returns when the reading is on disk, in the log or in the spool. UNAVAILABLE or CAPACITY_EXHAUSTED: then nothing may be answered. */
  record(read: SecretRead): Promise<void>;
  close(): Promise<void>;
}

export interface AccessLogOptions {
  /** Folder where readings are kept while the log cannot be written, best on another disk. Unsaid: `spool` beside the log. */
  readonly spool?: string;
  /** Milliseconds after which a log that does not answer is down, and between two tries of one that is: 2 000, 1 000. */
  readonly patience?: number;
  readonly retryAfter?: number;
  /** Told when the log goes down, and how many readings it got when it came back. */
  readonly told?: (what: string) => void;
  /** How a group gets onto the disk; only tests give another. */
  readonly append?: (file: FileHandle, records: readonly unknown[]) => Promise<void>;
}

interface Waiting {
  readonly read: LoggedRead;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Appends of this process that have not answered, of whichever log: what they wrote may be in the file at any later moment. */
const unanswered = new Set<{ readonly path: string }>();

/**
 * A file of JSON lines, mode 0600, with group commit: readings that arrive during one write share the next one. While it cannot
 * be written they go to a spool, on disk too, and from there into the log as soon as it can be, at the latest when a process
 * opens it again: none is lost, none is there twice.
 */
export async function openAccessLog(path: string, options: AccessLogOptions = {}): Promise<AccessLog> {
  const { spool: folder = join(dirname(path), 'spool'), told = () => undefined } = options;
  const { patience = 2_000, retryAfter = 1_000, append = appendDurably } = options;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  let file: FileHandle | undefined = await openOwnFile(path);
  const before = { file: await identityOf(path), from: (await file.stat()).size };
  const spool = openSpool(folder, () => before);
  const boot = randomBytes(9).toString('base64url');
  let made = 0;
  let waiting: Waiting[] = [];
  let writing: Promise<void> | undefined;
  /** An append that has not answered: whether it happens is not known until it does. */
  let stuck: Promise<unknown> | undefined;
  let downUntil: number | undefined;
  let importing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function toLog(reads: readonly LoggedRead[]): Promise<void> {
    if (stuck !== undefined) throw new KeybatonError('UNAVAILABLE', 'the access log has not answered yet');
    file ??= await openOwnFile(path);
    const { promise: late, reject } = Promise.withResolvers<never>();
    const clock = setTimeout(
      () => reject(new KeybatonError('UNAVAILABLE', 'the access log does not answer')),
      patience,
    );
    let answered = false;
    const appending = append(file, reads).finally(() => (answered = true));
    try {
      await Promise.race([appending, late]);
    } catch (error) {
      const used = file;
      file = undefined;
      const over = appending.catch(() => undefined).then(() => used.close().catch(() => undefined));
      if (answered) await over;
      else {
        const one = { path };
        unanswered.add(one);
        stuck = over.finally(() => {
          unanswered.delete(one);
          stuck = undefined;
        });
      }
      throw error;
    } finally {
      clearTimeout(clock);
    }
  }

  async function keep(reads: readonly LoggedRead[]): Promise<void> {
    let trouble: unknown;
    if (downUntil === undefined || performance.now() >= downUntil) {
      try {
        await toLog(reads);
        downUntil = undefined;
        return;
      } catch (error) {
        if (downUntil === undefined)
          told(`the access log cannot be written (${codeOf(error)}): readings go to ${folder}`);
        downUntil = performance.now() + retryAfter;
        trouble = error;
      }
    }
    try {
      await spool.add(reads);
    } catch (error) {
      throw isKeybatonError(trouble) ? trouble : error;
    }
    importLater();
  }

  function importLater(): void {
    if (closed || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      importing ??= bringIn().finally(() => (importing = undefined));
    }, retryAfter);
    timer.unref();
  }

  const settled = (): boolean => ![...unanswered].some((one) => one.path === path);

  /** Never while an append may still happen: it would be there twice. */
  async function bringIn(): Promise<void> {
    try {
      const added = await importSpools({ folder, path, append, settled });
      if (added > 0) told(`the access log has got ${String(added)} readings that were spooled`);
    } catch {
      // They stay where they are, on disk, and are tried again.
      importLater();
    }
  }

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      try {
        await keep(group.map(({ read }) => read));
        for (const one of group) one.resolve();
      } catch (error) {
        for (const one of group) one.reject(error);
      }
    }
    writing = undefined;
  }

  // What a process that ended has left.
  importing = bringIn().finally(() => (importing = undefined));
  await importing;

  return {
    record(read) {
      if (closed) return Promise.reject(new KeybatonError('UNAVAILABLE', 'this process is stopping'));
      return new Promise<void>((resolve, reject) => {
        made += 1;
        waiting.push({ read: { id: `${boot}-${String(made)}`, ...read }, resolve, reject });
        writing ??= writeAll();
      });
    },
    async close() {
      if (closed) return;
      closed = true;
      clearTimeout(timer);
      await writing;
      await importing;
      if (downUntil !== undefined || timer !== undefined) await bringIn();
      await spool.close();
      await file?.close();
    },
  };
}
