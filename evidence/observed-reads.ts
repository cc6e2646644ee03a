import type { VersionId } from '../domain/identifiers.ts';
import type { ReadSeen } from './access-trail.ts';
import { openAuditTail } from './audit-tail.ts';
import { parsedLine } from './trail-files.ts';
import { ofNamespace, oursIn, readersOf, vaultRecord, whoOf, type VaultTrail } from './vault-audit.ts';

/** The version whose reading would be proof, and where consumers read it. */
export interface ObservedVersion {
  readonly version: VersionId;
  readonly paths: readonly string[];
  /** When it was made, epoch milliseconds: nothing older is looked at. */
  readonly since: number;
  /** It was current before: only readings later than this are of this epoch. */
  readonly notBefore: number | undefined;
}

export interface Observed {
  /** By reader, as an inventory names one (`role:web`): its first reading. */
  readonly readers: ReadonlyMap<string, ReadSeen>;
  /** What could not be followed, for people. */
  readonly troubles: readonly string[];
}

export type ObserveReads = (signal: AbortSignal) => Promise<Observed>;

/**
 * Who has read this version out of a KV v2 engine, by the audit file, which is followed from call to call. The file hashes
 * texts, each always to the same one; so the hash of the version's mark is learned from its staged copy, whose path names
 * the version in clear, and a reading counts only when it shows that hash (or, in a tuned engine, the mark itself). No
 * clock is compared, but for a version that was current before.
 */
export function observeReads(trail: VaultTrail, file: string, observed: ObservedVersion): ObserveReads {
  const { version, paths, notBefore = Number.NEGATIVE_INFINITY } = observed;
  const main = new Set(paths.map((path) => `${trail.mount}/data/${path}`));
  const staged = new Set(paths.map((path) => `${trail.mount}/data/${trail.stagingPrefix}/${path}/${version}`));
  const tail = openAuditTail(file, observed.since);
  const marks = new Set<string>([version]);
  /** Readings by the mark they show: a reading may come before its mark is known. */
  const readings = new Map<string, Map<string, ReadSeen>>();
  /** Who also writes here is keybaton. */
  const writers = new Set<string>();

  function note(line: Buffer): void {
    if (!oursIn(line, main, staged)) return;
    const { data: entry } = vaultRecord.safeParse(parsedLine(line));
    if (entry === undefined || entry.error !== undefined || !ofNamespace(entry, trail.namespace)) return;
    const { path, operation } = entry.request;
    const readers = readersOf(entry);
    if (operation === 'create' || operation === 'update' || operation === 'patch') {
      readers.forEach((reader) => writers.add(reader));
      return;
    }
    const mark = entry.response?.data?.data?.['keybaton_version'];
    if (operation !== 'read' || typeof mark !== 'string' || mark === '') return;
    if (staged.has(path)) return void marks.add(mark);
    const at = Date.parse(entry.time);
    if (at < notBefore) return;
    const seen = readings.get(mark) ?? new Map<string, ReadSeen>();
    readings.set(mark, seen);
    for (const reader of readers) {
      if (!seen.has(reader)) seen.set(reader, { at, who: whoOf(entry), from: entry.request.remote_address });
    }
  }

  return async (signal) => {
    const troubles = await tail.look(note, signal);
    const shown = [...readings].filter(([mark]) => marks.has(mark)).flatMap(([, seen]) => [...seen]);
    return { readers: new Map(shown.filter(([reader]) => !writers.has(reader))), troubles };
  };
}
