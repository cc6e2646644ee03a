import type { Refusals } from '../domain/incident.ts';
import type { Verdict } from '../providers/provider.ts';

/** One version's own value, ready to be asked with, and who keeps the count. */
export interface RefusalCheck {
  /** The provider's window, milliseconds. */
  readonly revokeSpread: number;
  /** Is a call over the same path accepted, that must be? Something that refuses everyone proves nothing. */
  control(): Promise<boolean>;
  verify(): Promise<Verdict>;
  /** Counts one answer; `accepted` starts the count anew. */
  counted(answer: 'refused' | 'accepted'): Promise<Refusals>;
  now(): Promise<number>;
}

export type RefusalProof =
  | { readonly kind: 'dead' }
  | { readonly kind: 'accepted' | 'refused' | 'cannot tell'; readonly why: string; readonly againIn: number };

export const noControl = 'cannot tell: the control call is not accepted either';

/**
 * The refusal check: refused N times spread over the provider's window (N = 3; window 0: two at once), with a control
 * call accepted beside each. Asks once per call of it where there is a window.
 */
export async function refusalCheck(check: RefusalCheck): Promise<RefusalProof> {
  const { revokeSpread } = check;
  const needed = revokeSpread === 0 ? 2 : 3;
  const apart = revokeSpread / (needed - 1);
  if (!(await check.control())) return { kind: 'cannot tell', why: noControl, againIn: 2_000 };
  for (;;) {
    if ((await check.verify()) !== 'refused') {
      await check.counted('accepted');
      const why = 'revoked, not yet dead: the provider still accepts it';
      return { kind: 'accepted', why, againIn: Math.max(500, apart) };
    }
    const { count, firstAt } = await check.counted('refused');
    const elapsed = (await check.now()) - firstAt;
    if (count >= needed && elapsed >= revokeSpread) return { kind: 'dead' };
    if (revokeSpread > 0) {
      const why = `revoked, not yet dead: refused ${count} of ${needed} times`;
      // The last one falls at the window's end at the earliest.
      return { kind: 'refused', why, againIn: count + 1 < needed ? apart : Math.max(1, revokeSpread - elapsed) };
    }
  }
}
