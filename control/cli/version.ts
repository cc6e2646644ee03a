import { readFileSync } from 'node:fs';

/** The version of this package: two folders up in a checkout, three in the compiled package. */
export function packageVersion(): string {
  for (const place of ['../../package.json', '../../../package.json']) {
    try {
      const read: unknown = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8'));
      if (typeof read === 'object' && read !== null && 'version' in read) return String(read.version);
    } catch {
      // Not there: it is looked for one folder higher.
    }
  }
  return 'unknown';
}
