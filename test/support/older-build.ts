import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { root } from '../../scripts/setup/places.mjs';

export interface OlderBuild {
  readonly version: string;
  /** The command, to be run with Node. */
  readonly command: string;
  remove(): void;
}

/** What a worker needs of a checkout. */
const folders = [
  'activities',
  'backends',
  'bin',
  'control',
  'domain',
  'evidence',
  'inventory',
  'ledger',
  'outbound',
  'providers',
  'worker',
  'workflows',
];

const verifying = /await step\('verifying', .*\);/;

/**
 * This checkout as if it were older: another version, and workflow code that verifies nothing yet. What a rotation of today
 * has done, its workers cannot replay.
 */
export function olderBuild(version = '0.0.9'): OlderBuild {
  const folder = temporaryFolder('older');
  for (const name of folders) cpSync(join(root, name), join(folder.path, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder.path, 'node_modules'));
  change(
    join(root, 'package.json'),
    join(folder.path, 'package.json'),
    /"version": "[^"]+"/,
    `"version": "${version}"`,
  );
  const workflow = join(folder.path, 'workflows', 'rotate-credential.ts');
  change(workflow, workflow, verifying, "'accepted';");
  return { version, command: join(folder.path, 'bin', 'keybaton.js'), remove: () => folder.remove() };
}

function change(from: string, to: string, what: RegExp, into: string): void {
  const before = readFileSync(from, 'utf8');
  const after = before.replace(what, into);
  if (after === before) throw new Error(`${from} has nothing like ${what.source}`);
  writeFileSync(to, after);
}
