import type { ErrorCode } from '../domain/errors.ts';
import type { Adapters } from '../inventory/adapters.ts';
import type { BackendPlace, Targets } from '../inventory/targets.ts';

/** Looks through vaults that people already have, for keys that keybaton could rotate. Only reads; implemented by `worker`. */
export interface Discovery {
  readonly adapters: Adapters;
  /**
   * The stores that the same admin credential sees at the same server: what each has of settings of its own. Undefined where
   * the kind cannot tell, and the settings name the one there is.
   */
  stores(place: BackendPlace, signal: AbortSignal): Promise<SeenStores | undefined>;
  /** INVALID_CONFIG, UNSUPPORTED where nothing can be looked at at all; any trouble of one part is in the answer. */
  look(request: LookRequest): Promise<Seen>;
}

export interface SeenStores {
  readonly settings: readonly Readonly<Record<string, string>>[];
  readonly unseen: readonly Unseen[];
}

export interface LookRequest {
  readonly backends: Readonly<Record<string, BackendPlace>>;
  /** Their admin credentials are asked for a list of live keys. */
  readonly targets: Targets['targets'];
  readonly auditFile: string | undefined;
  /** Only what lies below this path. */
  readonly below: string | undefined;
  readonly signal: AbortSignal;
}

/** No value is in it, nor anything made from one. */
export interface Seen {
  readonly at: number;
  readonly entries: number;
  /** Entries that keybaton has written. */
  readonly ours: number;
  readonly keys: readonly SeenKey[];
  /** Recognised, and rotated by no provider here: what it is, in words. */
  readonly others: readonly {
    readonly backend: string;
    readonly path: string;
    readonly field: string;
    readonly what: string;
  }[];
  /** Texts in which nothing was recognised, by entry; the first of them. */
  readonly unrecognised: { readonly texts: number; readonly places: readonly string[] };
  readonly unseen: readonly Unseen[];
  readonly targets: readonly SeenTarget[];
  /** Undefined: no audit file was read. */
  readonly trail: { readonly begins: number | undefined; readonly damaged: number } | undefined;
}

export interface SeenKey {
  readonly backend: string;
  readonly path: string;
  readonly field: string;
  /** The store keeps one text there, and no fields. */
  readonly plain: boolean;
  /** Names of the other texts there. */
  readonly beside: readonly string[];
  /** Providers whose keys look so, the likeliest first; several: a person must tell. */
  readonly providers: readonly string[];
  readonly writtenAt: number | undefined;
  /** Keys with the same number are one value. */
  readonly value: number;
  /** Live keys that targets show and that fit it. */
  readonly refs: readonly { readonly target: string; readonly id: string; readonly createdAt: number | undefined }[];
  readonly readers: readonly SeenReader[];
}

export interface SeenReader {
  /** `role:web`; undefined: a bare token. */
  readonly reader: string | undefined;
  readonly who: string;
  readonly reads: number;
  readonly lastAt: number;
  /** Milliseconds. */
  readonly every: number | undefined;
  readonly addresses: number;
}

export interface SeenTarget {
  readonly target: string;
  readonly listed: number;
  /** Live, of nobody's mark, and fitting nothing that was found. */
  readonly unmanaged: readonly { readonly id: string; readonly createdAt: number | undefined }[];
  /** Keys that show too little of themselves to be compared. */
  readonly hidden: number;
}

/** Something that was not seen: it may hold anything. */
export interface Unseen {
  readonly where: string;
  readonly code: ErrorCode;
  readonly why: string;
}
