import { randomBytes } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend, Place } from '../../backends/backend.ts';
import type { Source, Stored } from '../../consumer/source.ts';
import { mounted } from '../../consumer/sources/mounted.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';

export interface Promotion {
  readonly version: VersionId;
  readonly epoch: number;
  readonly expected: VersionId | undefined;
  readonly value: string;
}

/** A store beside keybaton: how keybaton writes it, and how a consumer reads it. */
export interface Store {
  promote(promotion: Promotion): Promise<void>;
  readonly source: () => Source;
  close(): void;
}

const call = () => ({ signal: AbortSignal.timeout(10_000), deadline: Date.now() + 10_000, now: () => Date.now() });

/** Written by keybaton's own backend, so that what is read is what it writes. */
export function storeOf(backend: Backend, place: Place, source: () => Source): Store {
  const staged = new Set<VersionId>();
  return {
    async promote({ version, epoch, expected, value }) {
      const material = new SecretMaterial({ username: 'someone', api_key: value }, 'api_key');
      if (!staged.has(version)) await backend.stage(place, { version, ref: { id: version }, material }, call());
      staged.add(version);
      await backend.promote(place, { version, epoch, expected }, call());
    },
    source,
    close: () => undefined,
  };
}

const fieldsOf = ({ version, epoch, value }: Promotion): Stored => ({
  username: 'someone',
  api_key: value,
  keybaton_version: version,
  keybaton_epoch: String(epoch),
});

/** Swaps a folder in as the kubelet does: files lead through `..data`, which is replaced in one step. */
export function swapIn(folder: string, fields: Stored): void {
  const fresh = `..${randomBytes(6).toString('hex')}`;
  mkdirSync(join(folder, fresh), { mode: 0o755 });
  for (const [name, text] of Object.entries(fields)) writeFileSync(join(folder, fresh, name), text);
  symlinkSync(fresh, join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  for (const name of Object.keys(fields)) {
    rmSync(join(folder, name), { force: true });
    symlinkSync(join('..data', name), join(folder, name));
  }
}

export function mountedStore(): Store {
  const folder = temporaryFolder('mounted');
  return {
    promote: async (promotion) => swapIn(folder.path, fieldsOf(promotion)),
    source: () => mounted({ path: folder.path, every: 20 }),
    close: folder.remove,
  };
}

/** One JSON file that is replaced in one step, as Vault Agent writes a template. */
export function jsonFileStore(): Store {
  const folder = temporaryFolder('json-file');
  const path = join(folder.path, 'secret.json');
  return {
    async promote(promotion) {
      writeFileSync(`${path}.new`, `${JSON.stringify(fieldsOf(promotion), null, 2)}\n`);
      renameSync(`${path}.new`, path);
    },
    source: () => mounted({ path, every: 20 }),
    close: folder.remove,
  };
}
