/** One thread of `simulate.ts`: plays the blocks of seeds that it is handed, one after the other. */
import { setFlagsFromString } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import type { Block } from './blocks.ts';
import { openStage, playBlock } from './seeds.ts';

// Written by `crew.ts`.
const { bundle } = workerData as { readonly bundle: string };
// What goes wrong in a simulated world is thrown a thousand times, in workflows too; a story is told without stacks.
setFlagsFromString('--stack-trace-limit=0');
Error.stackTraceLimit = 0;
const stage = await openStage(bundle);
parentPort?.on('message', (block: Block | 'end') => {
  if (block === 'end') return process.exit(0);
  void playBlock(block, stage).then((played) => parentPort?.postMessage(played));
});
