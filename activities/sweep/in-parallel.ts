/** Runs `work` over all, no more than `atOnce` at a time. The first failure is thrown once nothing runs any more. */
export async function inParallel<One>(
  all: readonly One[],
  atOnce: number,
  signal: AbortSignal,
  work: (one: One) => Promise<void>,
): Promise<void> {
  const rest = all.values();
  let failed = false;
  const lane = async (): Promise<void> => {
    for (const one of rest) {
      if (failed) return;
      signal.throwIfAborted();
      try {
        await work(one);
      } catch (thrown) {
        failed = true;
        throw thrown;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.max(1, atOnce) }, lane));
  for (const one of lanes) if (one.status === 'rejected') throw one.reason;
}
