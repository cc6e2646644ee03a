/** Resolves at the first SIGINT or SIGTERM. Later ones end the process at once: a second Ctrl-C means it. */
export function untilSignalled(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      for (const signal of signals) process.off(signal, stop);
      resolve();
    };
    for (const signal of signals) process.on(signal, stop);
  });
}

const signals = ['SIGINT', 'SIGTERM'] as const;
