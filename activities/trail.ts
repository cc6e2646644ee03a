import type { TrailAnswer, TrailVersion } from '../evidence/access-trail.ts';

/** What one backend keeps of who read what. */
export type Trail =
  | {
      readonly kind: 'file';
      /** For people: `access log`, `audit file`. */
      readonly name: string;
      readonly read: TrailReader;
      /** It is written before every answer since the store was made, and nobody takes its beginning away. */
      readonly wholeSinceMade: boolean;
    }
  | { readonly kind: 'none'; readonly why: string };

export type TrailReader = (
  versions: readonly TrailVersion[],
  query: { readonly since: number; readonly signal: AbortSignal },
) => Promise<TrailAnswer>;
