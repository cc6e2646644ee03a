import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import type { Place } from '../backend.ts';
import { epochField, versionField } from '../main-place.ts';
import type { EmbeddedStore } from './store.ts';
import type { EmbeddedVault } from './vault.ts';

/** What consumers read from the embedded vault: every field of one generation of the main place, ours or not. */
export interface StoredFieldsOfMain {
  readonly version: string;
  readonly epoch: number;
  readonly fields: SecretMaterial;
}

/**
 * `current`, or `previous`: what was current under the newest lower epoch. NOT_FOUND when nothing was ever promoted
 * there, or when the previous generation has been destroyed: an even older one is never given instead.
 */
export type ReadMain = (path: string, which: 'current' | 'previous') => StoredFieldsOfMain;

/** Where the value lies for proofs when every mapped field holds more than it. */
const valueField = 'keybaton_value';

const texts = z.record(z.string(), z.string());

export function createReadMain(vault: EmbeddedVault): ReadMain {
  return (path, which) =>
    vault.read((store) => {
      const current = store.newest(path);
      if (current === undefined) throw new KeybatonError('NOT_FOUND', `nothing has been promoted at ${path}`);
      const epoch = current.mark?.epoch ?? 0;
      const found = which === 'current' ? current : before(store, path, epoch);
      if (found?.mark === undefined || found.fields === undefined) {
        throw new KeybatonError('NOT_FOUND', `there is no ${which} version at ${path}`);
      }
      const { [versionField]: _version, [epochField]: _epoch, ...fields } = texts.parse(found.fields);
      return { ...found.mark, fields: named(fields, valueOf(store, path, found.mark.version), path) };
    });
}

/** Older ones are opened only for who falls back. */
function before(store: EmbeddedStore, path: string, epoch: number): ReturnType<EmbeddedStore['newest']> {
  for (const older of store.generations(path)) if (older.mark !== undefined && older.mark.epoch < epoch) return older;
  return undefined;
}

function valueOf(store: EmbeddedStore, path: string, version: string): string | undefined {
  const staged = store.stagedVersions(path).find((one) => one === version);
  // Only the path leads to an envelope.
  return staged && store.envelope({ path } as Place, staged)?.material.revealValue();
}

/** The fields with the one that is the value named; where no field is it alone, it stands beside them: proofs need it. */
function named(fields: Record<string, string>, value: string | undefined, path: string): SecretMaterial {
  const [first] = Object.keys(fields);
  if (first === undefined) throw new KeybatonError('NOT_FOUND', `no fields lie at ${path}`);
  if (value === undefined) return new SecretMaterial(fields, first);
  const holder = Object.keys(fields).find((name) => fields[name] === value);
  if (holder !== undefined) return new SecretMaterial(fields, holder);
  return new SecretMaterial({ ...fields, [valueField]: value }, valueField);
}
