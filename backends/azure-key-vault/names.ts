import { flatName, type NameRule } from '../flat-name.ts';

/** Key Vault knows no folders and no upper case of its own: `ai/prod/app` is the secret `ai--prod--app`. */
const rule: NameRule = {
  part: /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
  separator: '--',
  longest: 127,
  root: undefined,
  expects: 'parts of lower-case letters, digits and single hyphens',
};

/** INVALID_CONFIG for a path that is no name; `prefix` stands before all of it. */
export function nameOf(path: string, prefix?: string): string {
  return flatName(prefix === undefined ? path : `${prefix}/${path}`, rule);
}

/** Tags of the versions that we write. */
export const versionTag = 'keybaton-version';
export const epochTag = 'keybaton-epoch';
