import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
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
  /** Returns when the reading is on disk. UNAVAILABLE or CAPACITY_EXHAUSTED: then nothing may be answered. */
  record(read: SecretRead): Promise<void>;
  close(): Promise<void>;
}

interface Waiting {
  readonly read: SecretRead;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A file of JSON lines, mode 0600, with group commit: readings that arrive during one write share the next one. */
export async function openAccessLog(path: string): Promise<AccessLog> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await openOwnFile(path);
  let waiting: Waiting[] = [];
  let writing: Promise<void> | undefined;
  let closed = false;

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      try {
        await appendDurably(
          file,
          group.map(({ read }) => read),
        );
        for (const one of group) one.resolve();
      } catch (error) {
        for (const one of group) one.reject(error);
      }
    }
    writing = undefined;
  }

  return {
    record(read) {
      if (closed) return Promise.reject(new KeybatonError('UNAVAILABLE', 'this process is stopping'));
      return new Promise<void>((resolve, reject) => {
        waiting.push({ read, resolve, reject });
        writing ??= writeAll();
      });
    },
    async close() {
      if (closed) return;
      closed = true;
      await writing;
      await file.close();
    },
  };
}
