import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the checkout. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** What set-up brings and npm does not: git-ignored, safe to delete. */
export const cache = join(root, '.servers');

/** What set-up found, for `scripts/servers/tools.ts`. */
export const toolsFile = join(cache, 'tools.json');

/** The Node that package.json pins for scripts and tests. */
export const node24Version = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).devDependencies.node;

/** Where it is put when the npm package `node` could not run its install script. */
export const node24Fallback = join(cache, `node-${node24Version}`, 'bin', 'node');

/**
 * The Node that runs scripts and tests.
 * @returns {string | undefined} path of an executable of major version 24 or newer, undefined before set-up
 */
export function findNode24() {
  const fromNpm = join(root, 'node_modules', 'node', 'bin', 'node');
  const major = Number(process.versions.node.split('.')[0]);
  // Odd majors are never supported for long; the test runner refuses them.
  if (major >= 24 && major % 2 === 0 && existsSync(process.execPath)) return process.execPath;
  return [fromNpm, node24Fallback].find((path) => existsSync(path));
}
