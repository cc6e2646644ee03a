import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import type { Backend, Place } from '../../backends/backend.ts';
import { embeddedBackend } from '../../backends/embedded.ts';
import { embeddedVault } from '../../backends/embedded/vault.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { call, key, make } from './embedded-subject.ts';
import { testPlace as place } from './in-memory-subject.ts';

export type Made = ReturnType<typeof make>;

/** A vault with what its tests of keys look at: the file itself, past everything of ours. */
export function openKeysRig() {
  const folder = temporaryFolder('embedded-keys');
  const file = join(folder.path, 'vault.db');
  const vault = embeddedVault(file, () => key);
  const backend = embeddedBackend('vault', vault);

  function raw<Answer>(look: (file: Database.Database) => Answer): Answer {
    const open = new Database(file);
    try {
      return look(open);
    } finally {
      open.close();
    }
  }

  return {
    file,
    vault,
    backend,
    raw,

    async promoted(count: number): Promise<readonly Made[]> {
      const all: Made[] = [];
      let expected: VersionId | undefined;
      for (let epoch = 1; epoch <= count; epoch += 1) {
        const made = make();
        await backend.stage(place, made, call());
        await backend.promote(place, { version: made.version, epoch, expected }, call());
        expected = made.version;
        all.push(made);
      }
      return all;
    },

    /** Ids of the keys that the file holds. */
    keyIds: () => raw((open) => open.prepare('SELECT DISTINCT key_id FROM keys ORDER BY n').pluck().all()),

    /** Ids of the keys that rows name. */
    namedIds: () =>
      raw((open) =>
        open
          .prepare(
            'SELECT key_id FROM staged UNION SELECT key_id FROM main WHERE key_id IS NOT NULL UNION SELECT key_id FROM vault',
          )
          .pluck()
          .all(),
      ),

    blobs: (query: string) => raw((open) => open.prepare(query).pluck().all() as Buffer[]),

    onDisk: () =>
      Buffer.concat(
        [file, `${file}-wal`, `${file}-shm`].filter((path) => existsSync(path)).map((path) => readFileSync(path)),
      ),

    async ensureReadable(all: readonly Made[], by: Backend = backend, at: Place = place): Promise<void> {
      for (const { version, value } of all) {
        expect((await by.read(at, version, call())).material.revealValue() === value).toBe(true);
      }
      const newest = all.at(-1);
      expect((await by.read(at, 'current', call())).version).toBe(newest?.version);
    },

    close(): void {
      vault.close();
      folder.remove();
    },
  };
}

export type KeysRig = ReturnType<typeof openKeysRig>;
