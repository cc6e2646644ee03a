import type { Finding } from './ports.ts';

/** Looks at a consumer's wiring from where it runs. What looks is `consumer/check.ts`. */
export interface WiringAsk {
  readonly url: string;
  readonly token: string;
  readonly credential: string;
  readonly consumer: string;
  /** A folder or file where the secret is mounted; undefined: it is read from the embedded vault. */
  readonly mounted: string | undefined;
  /** The field that proofs are made from. */
  readonly field: string | undefined;
}

export interface WiringSeen {
  readonly findings: readonly Finding[];
  readonly epoch: number;
  readonly holds: { readonly version: string; readonly epoch: number } | undefined;
}
