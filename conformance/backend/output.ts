import { inspect } from 'node:util';

/**
 * Runs something and holds back all it prints, by the console or straight to the standard streams, so that it can be
 * judged before anybody sees it.
 */
export async function withOutputHeld(run: () => Promise<void>): Promise<{ thrown: unknown; output: string }> {
  let output = '';
  const restore: (() => void)[] = [];

  for (const stream of [process.stdout, process.stderr]) {
    // Kept unbound, to be put back as it was.
    // eslint-disable-next-line @typescript-eslint/unbound-method
    const write = stream.write;
    stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
      output += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
      const written = rest.at(-1);
      if (typeof written === 'function') queueMicrotask(() => void Reflect.apply(written, stream, []));
      return true;
    };
    restore.push(() => {
      stream.write = write;
    });
  }
  // A test runner may have put its own console in the way of the streams.
  const terminal = globalThis.console;
  globalThis.console = new Proxy(terminal, {
    get(target, name, receiver) {
      const print: unknown = Reflect.get(target, name, receiver);
      if (typeof print !== 'function') return print;
      return (...parts: unknown[]): void => {
        output += `${parts.map((part) => (typeof part === 'string' ? part : inspect(part, { depth: 10 }))).join(' ')}\n`;
      };
    },
  });
  restore.push(() => {
    globalThis.console = terminal;
  });

  let thrown: unknown;
  try {
    await run();
  } catch (reason) {
    thrown = reason ?? new Error('the test threw nothing at all');
  } finally {
    for (const undo of restore) undo();
  }
  return { thrown, output };
}
