import type { Ref } from './facts.ts';
import type { CredentialId, VersionId } from './identifiers.ts';
import type { Fate } from './lifecycle.ts';

/** One version that the ledger has at a target, with every handle it ever had there. */
export interface KeptKey {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly fate: Fate;
  readonly refs: readonly { readonly ref: Ref; readonly gone: boolean }[];
  readonly issued: boolean;
  readonly suspended: boolean;
  readonly compromised: boolean;
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
  /** Until when an effect of an open intent may still appear; 0: none is open. */
  readonly intentUntil: number;
  /** A run is open of its credential: what is seen meanwhile may be its own work. */
  readonly running: boolean;
}

/** What is remembered of a ledger that was restored and read: backends may show decisions that it has lost. */
export const restoredNote = 'restored and read';

/** One live key as the provider lists it. */
export interface ListedKey {
  readonly ref: Ref;
  readonly tag?: { readonly installation: string; readonly version: string };
  readonly disabled: boolean;
  readonly createdAt?: number;
  readonly hint?: string;
}

/**
 * `ours`: the ledger has it as live. `in doubt`: a create under way may have made it. `stray`: our tag, and no record
 * names it as live. `unmanaged`: not made by us, and never proposed to be revoked. `ignored`: a person said so.
 */
export type KeyStanding = 'ours' | 'in doubt' | 'stray' | 'unmanaged' | 'ignored';

export interface JudgedKey {
  readonly key: ListedKey;
  readonly standing: KeyStanding;
  /** The version its tag or its ref names, where the ledger has it. */
  readonly kept: KeptKey | undefined;
}

export interface Vanished {
  readonly kept: KeptKey;
  /** `disabled`: it is listed, and does not work. */
  readonly how: 'not listed' | 'disabled';
}

export interface ReconcileInput {
  readonly installation: string;
  /** Milliseconds after which a create that was answered is listed for sure. */
  readonly settle: number;
  readonly now: number;
  readonly kept: readonly KeptKey[];
  readonly listed: readonly ListedKey[];
  readonly ignored: readonly Ref[];
}

/** Is it the same generation? A key without a mark is known by its id alone. */
export const sameKey = (one: Ref, other: Ref): boolean =>
  one.id === other.id && (one.mark === undefined || other.mark === undefined || one.mark === other.mark);

const mayLive = ({ fate }: KeptKey): boolean => fate !== 'dead' && fate !== 'released';

/** Every live key of one target against what the ledger has there. */
export function reconcileTarget(input: ReconcileInput): {
  readonly keys: readonly JudgedKey[];
  readonly vanished: readonly Vanished[];
  /** What consumers or a spare count on, and the provider has. */
  readonly present: readonly KeptKey[];
} {
  const keys = input.listed.map((key) => judge(key, input));
  const vanished = input.kept.flatMap((kept) => {
    const how = missing(kept, input);
    return how === undefined ? [] : [{ kept, how }];
  });
  const present = input.kept.filter((kept) => countedOn(kept, input) && missing(kept, input) === undefined);
  return { keys, vanished, present };
}

function judge(key: ListedKey, { installation, kept, now, ignored }: ReconcileInput): JudgedKey {
  const tagged = key.tag?.installation === installation ? key.tag.version : undefined;
  const byTag = tagged === undefined ? undefined : kept.find((one) => one.version === tagged);
  // Somebody else's tag speaks against our record of the same slot; no tag at all does not.
  const byRef =
    key.tag !== undefined && tagged === undefined
      ? undefined
      : kept.find(
          (one) =>
            (tagged === undefined || one.version === tagged) && one.refs.some(({ ref }) => sameKey(ref, key.ref)),
        );
  const named = byRef ?? byTag;
  const standing = (): KeyStanding => {
    const live = byRef?.refs.some(({ ref, gone }) => !gone && sameKey(ref, key.ref)) === true;
    if (byRef !== undefined && live && mayLive(byRef)) return 'ours';
    if (byRef?.fate === 'released') return 'ignored';
    if (named !== undefined && named.intentUntil > now) return 'in doubt';
    if (ignored.some((ref) => sameKey(ref, key.ref))) return 'ignored';
    // Without a tag its ref alone says that we made it: dead in the ledger, and alive.
    if (tagged !== undefined || byRef !== undefined) return 'stray';
    return 'unmanaged';
  };
  return { key, standing: standing(), kept: named };
}

/** Is it to be listed, and would its absence be news? */
function countedOn(kept: KeptKey, { settle, now }: ReconcileInput): boolean {
  const counted = kept.fate === 'current' || kept.fate === 'standby';
  const settled = kept.issued && kept.createdAt + settle < now && kept.intentUntil <= now;
  return counted && !kept.compromised && !kept.running && settled && kept.refs.some(({ gone }) => !gone);
}

/** What consumers or a spare count on, and the provider does not have any more. */
function missing(kept: KeptKey, input: ReconcileInput): Vanished['how'] | undefined {
  if (!countedOn(kept, input)) return undefined;
  const { installation, listed } = input;
  const refs = kept.refs.filter(({ gone }) => !gone);
  const found = listed.filter(
    (key) =>
      (key.tag?.installation === installation && key.tag.version === kept.version) ||
      (key.tag === undefined && refs.some(({ ref }) => sameKey(ref, key.ref))),
  );
  if (found.length === 0) return 'not listed';
  return !kept.suspended && found.every(({ disabled }) => disabled) ? 'disabled' : undefined;
}

/** One target, as people and programs read it. */
export interface TargetReport {
  readonly target: string;
  /** Why it could not be asked; nothing else is said then. */
  readonly trouble: string | undefined;
  readonly ours: number;
  readonly keys: readonly ReportedKey[];
  readonly vanished: readonly {
    readonly credential: CredentialId;
    readonly version: VersionId;
    readonly ref: Ref;
    readonly how: Vanished['how'];
    readonly firstAt: number;
  }[];
}

/** Everything listed that is not simply ours. */
export interface ReportedKey {
  readonly ref: Ref;
  readonly standing: Exclude<KeyStanding, 'ours'>;
  readonly credential: CredentialId | undefined;
  readonly version: string | undefined;
  readonly hint: string | undefined;
  readonly createdAt: number | undefined;
  /** When it was first seen so, and is since. */
  readonly firstAt: number | undefined;
  /** A stray that may be revoked now: seen twice, further apart than the longest issue. */
  readonly ripe: boolean;
}

export const standingOfKey = (
  keys: readonly ReportedKey[],
  standing: ReportedKey['standing'],
): readonly ReportedKey[] => keys.filter((one) => one.standing === standing);
