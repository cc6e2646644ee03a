import { z } from 'zod';
import { isVersionId } from '../domain/identifiers.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import { parsedLine, readTrail, valuesOf, type TrailQuery, type TrailRead } from './trail-files.ts';

/**
 * Who read which version, from the records that backends keep of it. They say who asked and got an answer; not what was
 * done with it, nor who got it by another way.
 */
export interface TrailVersion {
  readonly credential: CredentialId;
  readonly version: VersionId;
  /** Where copies of it lie, or lay, in this backend. */
  readonly paths: readonly string[];
  /** Every epoch of its credential, oldest first: from when consumers read which version. Empty: not known. */
  readonly epochs: readonly { readonly version: VersionId; readonly from: number }[];
}

export interface ReadSeen {
  readonly at: number;
  readonly who: string;
  readonly from: string | undefined;
}

export interface Reads {
  readonly count: number;
  /** The newest, oldest first; at most `seenKept`. */
  readonly seen: readonly ReadSeen[];
  /** By keybaton's own identity, which also writes; not among the others. */
  readonly own: number;
  /** Of the place it lies in, of a version that could not be told. */
  readonly untold: number;
}

export interface TrailAnswer extends TrailRead {
  readonly reads: ReadonlyMap<VersionId, Reads>;
}

export const seenKept = 50;

const line = z.object({
  at: z.number(),
  consumer: z.string(),
  token: z.string(),
  address: z.string(),
  version: z.string().refine(isVersionId),
});

/** Readings out of the embedded vault: `access.jsonl` in keybaton's home, written before each secret is answered. */
export async function readAccessLog(versions: readonly TrailVersion[], query: TrailQuery): Promise<TrailAnswer> {
  const reads = collectReads(versions);
  const wanted = new Set<string>(versions.map(({ version }) => version));
  const read = await readTrail(
    query,
    (bytes) => line.safeParse(parsedLine(bytes)).data?.at,
    (bytes) => {
      if (![...valuesOf(bytes, 'version')].some((version) => wanted.has(version))) return true;
      const { data } = line.safeParse(parsedLine(bytes));
      if (data === undefined) return false;
      reads.note(data.version, { at: data.at, who: `${data.consumer} (token ${data.token})`, from: data.address });
      return true;
    },
  );
  return { ...read, reads: reads.all() };
}

export interface CollectReads {
  note(version: VersionId, seen: ReadSeen): void;
  noteOwn(version: VersionId): void;
  noteUntold(version: VersionId): void;
  all(): ReadonlyMap<VersionId, Reads>;
}

/** Bounded: of each version a number and the newest few, whatever the length of the log. */
export function collectReads(versions: readonly { readonly version: VersionId }[]): CollectReads {
  const of = new Map(versions.map(({ version }) => [version, { count: 0, own: 0, untold: 0, seen: [] as ReadSeen[] }]));
  return {
    note(version, seen) {
      const kept = of.get(version);
      if (kept === undefined) return;
      kept.count += 1;
      kept.seen.push(seen);
      if (kept.seen.length >= 2 * seenKept) kept.seen = newest(kept.seen);
    },
    noteOwn(version) {
      const kept = of.get(version);
      if (kept !== undefined) kept.own += 1;
    },
    noteUntold(version) {
      const kept = of.get(version);
      if (kept !== undefined) kept.untold += 1;
    },
    all: () => new Map([...of].map(([version, kept]) => [version, { ...kept, seen: newest(kept.seen) }])),
  };
}

const newest = (seen: readonly ReadSeen[]): ReadSeen[] =>
  seen.toSorted((one, other) => one.at - other.at).slice(-seenKept);
