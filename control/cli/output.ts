import type { Writable } from 'node:stream';

/** Where a command's answer goes: for people by default, one JSON document with `--json`. */
export interface Output {
  readonly json: boolean;
  /** The columns to fit into. */
  readonly width: number;
  /** May lines be rewritten in place? */
  readonly live: boolean;
  /** The answer, once per command: `value` with --json, `human` otherwise. */
  answer(value: unknown, human: () => string): void;
  /** One line of a stream: with --json one JSON object per line. */
  event(value: unknown, human: () => string): void;
  /** For people only, beside the answer: hints, progress, warnings; to standard error. */
  note(text: string): void;
}

export function outputTo(
  stdout: Writable & { isTTY?: boolean; columns?: number },
  stderr: Writable,
  json: boolean,
): Output {
  const print = (stream: Writable, text: string): void => void stream.write(text.endsWith('\n') ? text : `${text}\n`);
  return {
    json,
    width: Math.min(100, Math.max(60, stdout.columns ?? 100)),
    live: stdout.isTTY === true && !json,
    answer: (value, human) => print(stdout, json ? JSON.stringify(value, nothing, 2) : human()),
    event: (value, human) => print(stdout, json ? JSON.stringify(value, nothing) : human()),
    note: (text) => {
      if (!json) print(stderr, text);
    },
  };
}

/** A key that has nothing to say is there as `null`: the shape of a document does not depend on its content. */
function nothing(_key: string, value: unknown): unknown {
  return value === undefined ? null : value;
}
