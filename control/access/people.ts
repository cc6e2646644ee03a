import type { IncomingHttpHeaders } from 'node:http';
import type { Operation, OperationPorts, Reach } from '../operations/operation.ts';
import type { Principal } from './principal.ts';

/** What was allowed, for as long as it is being done. */
export interface Allowed {
  /** The only epoch for which two people have agreed to it. */
  readonly epoch?: number;
  /** Told once, of its answer or of what it threw: a kill that did not happen is not counted. */
  ended(how: { readonly answer: unknown } | { readonly thrown: unknown }): Promise<void>;
}

/** The guard of the people's side of the API and of the page: who is it, and may they. */
export interface People {
  /**
   * Who asks, from a bearer token or the session's cookie. ACCESS_DENIED without saying what was wrong. Needs neither
   * ledger nor identity provider for tokens that are checked offline.
   */
  identify(headers: IncomingHttpHeaders, address: string): Promise<Principal>;
  /**
   * ACCESS_DENIED when no grant covers all of the reach, NOT_FOUND for what they may not even see. CONFLICT with the id of
   * the approval to be given when a second person must agree; the same call again, once they have, passes.
   */
  authorise(asked: {
    readonly principal: Principal;
    readonly operation: Operation;
    readonly reach: Reach;
    /** What the approval is bound to: the same operation with other input needs another. */
    readonly input: unknown;
    /** To look at what the operation would change. */
    readonly ports: OperationPorts;
  }): Promise<Allowed | undefined>;
  /**
   * May they do it still, and be told what it came to? Nothing is done: nobody is asked to agree, and nothing is counted.
   * ACCESS_DENIED, NOT_FOUND.
   */
  mayStill(asked: {
    readonly principal: Principal;
    readonly operation: Operation;
    readonly reach: Reach;
  }): Promise<void>;
  /** Into the ledger, or into the synced spool while that is down: every refusal and every success but those of reads. */
  record(done: {
    readonly principal: Principal;
    readonly operation: string;
    readonly outcome: 'done' | 'refused' | 'failed';
    readonly why: string | null;
  }): Promise<void>;
}
