import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';

export interface Secret {
  /** What it is, for people; never the value. */
  readonly what: string;
  readonly value: string;
}

export interface Values {
  readonly all: () => readonly Secret[];
  add(secret: Secret): void;
  /** Takes what a process hands over through the pipe it inherited. */
  listen(what: string, pipe: Duplex | undefined): void;
}

/** Every secret value that was ever made in this run, in the driver's memory alone. */
export function collectValues(): Values {
  const secrets: Secret[] = [];
  const add = (secret: Secret): void => {
    if (!secrets.some(({ value }) => value === secret.value)) secrets.push(secret);
  };
  return {
    all: () => secrets,
    add,
    listen(what, pipe) {
      if (pipe === undefined) throw new Error(`${what} inherited no pipe to hand its values over`);
      pipe.on('error', () => undefined);
      createInterface({ input: pipe }).on('line', (line) => {
        // Both taps write one object with the value per line.
        const { value } = JSON.parse(line) as { readonly value: string };
        add({ what, value });
      });
    },
  };
}
