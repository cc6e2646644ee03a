/** A program that knows nothing of keybaton, to be run as one instance of a consumer. What runs it is `consumer/exec`. */
export interface ConsumerProgram {
  readonly connect: {
    readonly url: string;
    readonly token: string;
    readonly credential: string;
    readonly consumer: string;
    readonly instance: string;
  };
  readonly command: readonly [string, ...string[]];
  readonly variables: readonly { readonly name: string; readonly field: string }[];
  readonly files: readonly { readonly name: string; readonly field: string }[];
  readonly signalOnChange?: NodeJS.Signals;
  readonly health: string;
  /** Milliseconds. */
  readonly healthyWithin: number;
  readonly stopWithin: number;
  readonly spread: number;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}
