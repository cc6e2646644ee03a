import type { CredentialFacts } from './facts.ts';
import type { VersionId } from './identifiers.ts';

/** Milliseconds that a leaked version may live on while its standby is promoted. */
export const standbyBound = 30_000;

/** When a run kills what leaked. */
export interface KillOrder {
  /** Before anything is issued; a version that stands ready is promoted first. */
  readonly killFirst: readonly VersionId[];
  /** This many milliseconds from now at the latest, whatever the run is doing then. */
  readonly bounds: readonly { readonly version: VersionId; readonly within: number }[];
}

/**
 * What the entry's policy says of these leaked versions. `revoke-first`: first. `standby`: first, once the standby is
 * promoted, and within half a minute although it is not. `replace-first`: when its replacement is current and proved, at
 * the bound at the latest. A version that was never current has no consumers to wait for. The bound is counted from the
 * declaration; while the ledger has not heard of it, from now.
 */
export function killOrder(facts: CredentialFacts, leaked: readonly VersionId[], now: number): KillOrder {
  const { policy, bound } = facts.entry.emergency;
  const killFirst: VersionId[] = [];
  const bounds: KillOrder['bounds'][number][] = [];
  for (const id of leaked) {
    const version = facts.versions.find((one) => one.id === id);
    const declaredAt = version?.compromisedAt ?? now;
    const waits = policy === 'replace-first' ? bound : policy === 'standby' ? standbyBound : 0;
    const within = Math.min(declaredAt + waits - now, waits);
    const spared = version?.everCurrent === true && version.fate !== 'dead' && !version.killBegun && within > 0;
    if (spared) bounds.push({ version: id, within });
    if (!spared || policy !== 'replace-first') killFirst.push(id);
  }
  return { killFirst, bounds };
}
