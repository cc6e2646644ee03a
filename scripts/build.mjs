// Compiles the package into dist/: every source to JavaScript with types, and the workflows into one prebuilt bundle.

import { spawnSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildWorkflowBundle } from '../worker/workflow-bundle.ts';
import { root } from './setup/places.mjs';

const dist = join(root, 'dist');
rmSync(dist, { recursive: true, force: true });

const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const compiled = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
if (compiled.status !== 0) process.exit(1);

// Data that the compiler does not see; `providers/http.ts` and `control/web/assets.ts` read it from beside themselves.
for (const folder of [
  ['providers', 'declared'],
  ['control', 'web', 'assets'],
])
  cpSync(join(root, ...folder), join(dist, ...folder), { recursive: true });

await buildWorkflowBundle(join(dist, 'workflows', 'bundle.js'));
console.log('built dist/');
