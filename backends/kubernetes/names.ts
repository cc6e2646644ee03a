import { createHash } from 'node:crypto';
import { KeybatonError } from '../../domain/errors.ts';
import type { Place } from '../backend.ts';
import { flatName } from '../flat-name.ts';

export const placeLabel = 'keybaton-place';

/** A Secret's name is a DNS subdomain: `/` becomes a dot, and parts hold none. */
export function mainName({ path }: Pick<Place, 'path'>, root: string | undefined): string {
  return flatName(path, {
    part: /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
    separator: '.',
    longest: 200,
    root,
    expects: 'expected parts of a-z, 0-9 and -, beginning and ending with a letter or digit',
  });
}

/** The path whose Secret has this name. */
export function pathOf(name: string, root: string | undefined): string {
  const path = name.replaceAll('.', '/');
  return root === undefined ? path : `${root}/${path}`;
}

/** Label values are 63 characters at most. */
export const placeHash = (name: string): string => createHash('sha256').update(name).digest('hex').slice(0, 40);

/** Keys of a Secret become names of files in a pod. */
export function checkKeys(names: readonly string[]): void {
  const wrong = names.find((name) => !/^(?!\.{1,2}$)[-._A-Za-z0-9]{1,253}$/.test(name));
  if (wrong !== undefined) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `field ${wrong} can be no key of a Secret: expected letters, digits, - _ and .`,
    );
  }
}
