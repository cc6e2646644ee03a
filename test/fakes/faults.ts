/** What a test may order a fake to do wrong. Operations are named by the vendor: `create`, `delete`, `list`, `models`, ... */
export interface Faults {
  /** Milliseconds before an operation commits; it commits although the client is gone: a late create.
   *  Taking the delay away lets what waits commit at once. */
  readonly delay: Readonly<Record<string, number>>;
  /** How many more times the connection is cut after the commit, before the answer. */
  readonly drop: Readonly<Record<string, number>>;
  /** How many more answers never come although the operation is committed: its client runs into its time-out. */
  readonly silent: Readonly<Record<string, number>>;
  /** A token bucket for each thing that the vendor limits by itself (an OpenAI project): 429 with Retry-After once it is empty. */
  readonly bucket: { readonly perSecond: number; readonly burst: number } | null;
  /** Operations whose answers are held back after the commit until the name is taken off this list. */
  readonly hold: readonly string[];
  /** The next `count` requests (of one operation, or of any) answer this status; before the commit unless told otherwise. */
  readonly failNext: {
    readonly operation?: string;
    readonly count: number;
    readonly status: number;
    readonly retryAfter?: string;
    readonly afterCommit?: boolean;
  } | null;
  /** 401 to every request, whatever key it brings: an outage of authentication that proves nothing about any key. */
  readonly refuseEveryone: boolean;
  /** Error bodies carry the caller's credential and the value minted last. */
  readonly secretInErrors: boolean;
}

export const defaultFaults = (): Faults => ({
  delay: {},
  drop: {},
  silent: {},
  bucket: null,
  hold: [],
  failNext: null,
  refuseEveryone: false,
  secretInErrors: false,
});
