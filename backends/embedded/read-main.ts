import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { epochField, versionField } from '../main-place.ts';
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

const texts = z.record(z.string(), z.string());

export function createReadMain(vault: EmbeddedVault): ReadMain {
  return (path, which) =>
    vault.read((store) => {
      const [current, ...older] = store.generations(path);
      if (current === undefined) throw new KeybatonError('NOT_FOUND', `nothing has been promoted at ${path}`);
      const epoch = current.mark?.epoch ?? 0;
      const before = older.find(({ mark }) => mark !== undefined && mark.epoch < epoch);
      const found = which === 'current' ? current : before;
      if (found?.mark === undefined || found.fields === undefined) {
        throw new KeybatonError('NOT_FOUND', `there is no ${which} version at ${path}`);
      }
      const { [versionField]: _version, [epochField]: _epoch, ...fields } = texts.parse(found.fields);
      const [first] = Object.keys(fields);
      if (first === undefined) throw new KeybatonError('NOT_FOUND', `no fields lie at ${path}`);
      // Which field is the value does not matter to who reads them all.
      return { ...found.mark, fields: new SecretMaterial(fields, first) };
    });
}
