import { createHash } from 'node:crypto';
import type { Place } from '../backend.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { flatName } from '../flat-name.ts';
import type { GoogleSettings } from './settings.ts';

/** The label by which the staged versions of one place are found. */
export const placeLabel = 'keybaton-place';

export interface SecretNames {
  /** The secret that consumers read. */
  main(place: Pick<Place, 'path'>): string;
  /** The secret that holds one staged version. */
  staged(place: Place, version: string): string;
  /** The version that a staging secret of this place is for. */
  versionOf(place: Place, secret: string): string;
  /** Of `placeLabel`: label values are short and know no `/`. */
  placeHash(place: Place): string;
}

/** Google's rule: letters, digits, `-` and `_`, 255 long. `/` becomes `__`; room is left for what staging puts around. */
export function secretNames({ root, stagingPrefix }: Pick<GoogleSettings, 'root' | 'stagingPrefix'>): SecretNames {
  function main({ path }: Pick<Place, 'path'>): string {
    const name = flatName(path, {
      part: /^[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?$/,
      separator: '__',
      longest: 170,
      root,
      expects: 'expected parts of letters, digits, - and _, without __, beginning and ending with a letter or digit',
    });
    if (name === stagingPrefix || name.startsWith(`${stagingPrefix}__`)) {
      throw new KeybatonError('INVALID_CONFIG', `path ${path} lies where versions are staged: choose another`);
    }
    return name;
  }

  return {
    main,
    staged: (place, version) => `${stagingPrefix}__${main(place)}__${version}`,
    versionOf: (place, secret) => secret.slice(`${stagingPrefix}__${main(place)}__`.length),
    placeHash: (place) => createHash('sha256').update(main(place)).digest('hex').slice(0, 40),
  };
}
