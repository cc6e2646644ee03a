import type { Ref } from '../../domain/facts.ts';
import { sameKey } from '../../domain/reconcile.ts';
import type { LedgerPorts } from './ports.ts';

/** A live key that no version of ours explains, as the last sweep of its target saw it. */
export interface UnexplainedKey {
  readonly target: string;
  readonly ref: Ref;
  /** `stray`: made by us, and the ledger has no live version of it. `unmanaged`: never ours. */
  readonly standing: 'stray' | 'unmanaged';
  readonly firstAt: number;
  readonly lastAt: number;
  /** Who said that it is none of keybaton's business; `null`: nobody. */
  readonly ignoredBy: string | null;
}

/** By what sweeps noted: no provider is asked. */
export async function unmanaged({ ledger }: LedgerPorts): Promise<{
  readonly now: number;
  readonly keys: readonly UnexplainedKey[];
}> {
  const keys: UnexplainedKey[] = [];
  for (const standing of ['stray', 'unmanaged'] as const) {
    const seen = await ledger.sightings(standing);
    for (const target of new Set(seen.map((one) => one.target))) {
      const ignored = await ledger.ignoredKeys(target);
      for (const { ref, firstAt, lastAt } of seen.filter((one) => one.target === target)) {
        const ignoredBy = ignored.find((one) => sameKey(one.ref, ref))?.who ?? null;
        keys.push({ target, ref, standing, firstAt, lastAt, ignoredBy });
      }
    }
  }
  return { now: await ledger.clock(), keys };
}
