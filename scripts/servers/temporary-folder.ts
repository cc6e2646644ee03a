import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder, removeWithUs } from './guard.ts';

export interface TemporaryFolder {
  readonly path: string;
  readonly remove: () => void;
}

/** A folder of mode 0700 that is removed by `remove`, or with our process. */
export function temporaryFolder(purpose: string): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), `keybaton-${purpose}-`));
  removeWithUs(path);
  return { path, remove: () => removeFolder(path) };
}
