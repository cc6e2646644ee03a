// Compiles the consumer's package into consumer/dist/: Node refuses TypeScript below node_modules, so that is what is packed.

import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup/places.mjs';

const folder = join(root, 'consumer');
const dist = join(folder, 'dist');
rmSync(dist, { recursive: true, force: true });

const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
// Standard output is npm's, which says there what it has packed.
const compiled = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
  cwd: folder,
  stdio: ['ignore', 2, 2],
});
if (compiled.status !== 0) process.exit(1);
cpSync(join(root, 'LICENSE'), join(dist, 'LICENSE'));
