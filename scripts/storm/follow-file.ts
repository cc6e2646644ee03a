import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import type { Told } from './record.ts';

/** Reads events from a file that `keybaton watch --json` writes to, however long it becomes. */
export function followFile(file: string, heard: (event: Told) => void): { look(): void; stop(): void } {
  let offset = 0;
  let rest = Buffer.alloc(0);
  const chunk = Buffer.alloc(65_536);

  function look(): void {
    if (!existsSync(file)) return;
    const descriptor = openSync(file, 'r');
    try {
      for (;;) {
        const read = readSync(descriptor, chunk, 0, chunk.length, offset);
        if (read === 0) return;
        offset += read;
        take(Buffer.concat([rest, chunk.subarray(0, read)]));
      }
    } finally {
      closeSync(descriptor);
    }
  }

  function take(bytes: Buffer): void {
    const end = bytes.lastIndexOf(10) + 1;
    rest = Buffer.from(bytes.subarray(end));
    for (const line of bytes.subarray(0, end).toString('utf8').split('\n')) {
      if (!line.startsWith('{')) continue;
      // `keybaton watch --json` prints one event per line; alarms that were open before it began have no event.
      const { event } = JSON.parse(line) as { readonly event?: Told };
      if (event !== undefined) heard(event);
    }
  }

  const timer = setInterval(look, 200);
  return {
    look,
    stop: () => {
      clearInterval(timer);
      look();
    },
  };
}
