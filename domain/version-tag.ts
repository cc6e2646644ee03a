import { isVersionId, type VersionId } from './identifiers.ts';

/** Our mark on a credential at a provider that lets us name it: whose it is, and which version. */
export interface VersionTag {
  readonly installation: string;
  readonly version: VersionId;
}

/** `<installation>:<version>`, at most 45 characters of `[a-z0-9:]`. */
export const versionTag = (installation: string, version: VersionId): string => `${installation}:${version}`;

/** Reads a tag at the beginning of a name; people's own words may follow after a space. Undefined: not ours. */
export function parseVersionTag(name: string): VersionTag | undefined {
  const [, installation = '', version = ''] = /^([a-z0-9]{4,12}):([a-z0-9]+)(?: |$)/.exec(name) ?? [];
  return isVersionId(version) ? { installation, version } : undefined;
}
