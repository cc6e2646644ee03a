import { Worker } from 'node:worker_threads';
import { together, type Block, type BlockPlayed } from './blocks.ts';

export interface CrewInput {
  readonly bundle: string;
  readonly threads: number;
  readonly from: number;
  readonly seeds: number;
  readonly length: Block['length'];
  /** No block is begun after the first one in which a promise broke. */
  readonly first: boolean;
  readonly onBlock: (played: BlockPlayed) => void;
}

/** Seeds of one block: enough that handing it over costs nothing, few enough that threads end together. */
const blockOf = 20;

/** Plays seeds on several threads. Every seed is a world of its own: what comes of them does not depend on the threads. */
export async function playSeeds(input: CrewInput): Promise<BlockPlayed> {
  const { bundle, from, seeds, length } = input;
  const played: BlockPlayed[] = [];
  const end = from + seeds;
  let next = from;
  const take = (): Block | undefined => {
    if (next >= end || (input.first && played.some((one) => one.broken.length > 0))) return undefined;
    const block = { from: next, seeds: Math.min(blockOf, end - next), length };
    next += block.seeds;
    return block;
  };

  async function thread(): Promise<void> {
    const first = take();
    if (first === undefined) return;
    const worker = new Worker(new URL('./seeds-worker.ts', import.meta.url), { workerData: { bundle } });
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    worker.on('error', reject);
    worker.on('exit', () => resolve(undefined));
    worker.on('message', (block: BlockPlayed) => {
      played.push(block);
      input.onBlock(block);
      worker.postMessage(take() ?? 'end');
    });
    worker.postMessage(first);
    await promise;
  }

  await Promise.all(Array.from({ length: input.threads }, thread));
  return together(played);
}
