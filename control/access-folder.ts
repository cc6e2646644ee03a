import type { AccessEvent } from './access/access-events.ts';
import type { AccessDesk } from './operations/operation.ts';

/** Where access is kept on this machine; opens although ledger and Temporal are down. Implemented by `worker`. */
export interface AccessFolder extends AccessDesk {
  /** Of the access file, whether or not there is one. */
  readonly path: string;
  /** Into the ledger; while it does not answer, or is not there yet, into the synced file that the API brings there. */
  record(event: AccessEvent): Promise<void>;
  now(): number;
  random(bytes: number): Uint8Array;
}
