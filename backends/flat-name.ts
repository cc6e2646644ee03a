import { KeybatonError } from '../domain/errors.ts';

/** How the paths of entries become names in a store that knows no folders. */
export interface NameRule {
  /** What one part of a path may be; it may hold no `separator`, not even across its ends, so that no two paths share a name. */
  readonly part: RegExp;
  /** Stands for `/`. */
  readonly separator: string;
  readonly longest: number;
  /** Left out of names; every path must lie below it. */
  readonly root: string | undefined;
  /** In words, for whoever wrote another path. */
  readonly expects: string;
}

/** The one name of this path, or INVALID_CONFIG: a path is never bent until it fits, since two could become one then. */
export function flatName(path: string, { part, separator, longest, root, expects }: NameRule): string {
  if (root !== undefined && !path.startsWith(`${root}/`)) {
    throw new KeybatonError('INVALID_CONFIG', `path ${path} does not lie below ${root}, the root of this backend`);
  }
  const parts = (root === undefined ? path : path.slice(root.length + 1)).split('/');
  const name = parts.join(separator);
  if (name.length > longest || !parts.every((one) => part.test(one) && !one.includes(separator))) {
    throw new KeybatonError(
      'INVALID_CONFIG',
      `path ${path} cannot be a name here: ${expects}, at most ${String(longest)} long`,
    );
  }
  return name;
}
