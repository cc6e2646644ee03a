import type { Held, Keeper } from './keeper.ts';
import type { Secret } from './secret.ts';
import type { Witness } from './witness.ts';

type Fields = Secret['fields'];
type Work<Result> = (fields: Fields) => Result | Promise<Result>;
type Outcome<Result> =
  { readonly worked: true; readonly result: Result } | { readonly worked: false; readonly error: unknown };

export interface UseOptions {
  readonly keeper: Keeper;
  readonly witness: Witness;
  readonly isRefused: (error: unknown) => boolean;
  /** Milliseconds for which a previous version is used before the current one is tried again. */
  readonly avoidRefused: number;
}

/** Runs work with the newest version, again after a refusal, and then with the previous one while that may be used. */
export function useWith({ keeper, witness, isRefused, avoidRefused }: UseOptions) {
  /** While this lasts, the current version was refused and the previous one worked. */
  let fallenBack: { readonly epoch: number; readonly held: Held; readonly until: number } | undefined;

  async function attempt<Result>(fn: Work<Result>, held: Held): Promise<Outcome<Result>> {
    try {
      return { worked: true, result: await fn(held.secret.fields) };
    } catch (error) {
      if (isRefused(error)) return { worked: false, error };
      throw error;
    }
  }

  return async function use<Result>(fn: Work<Result>): Promise<Result> {
    if (fallenBack !== undefined && fallenBack.epoch >= keeper.seen() && Date.now() < fallenBack.until) {
      const again = await attempt(fn, fallenBack.held);
      if (again.worked) return again.result;
    }
    fallenBack = undefined;

    let held = await keeper.current();
    let outcome = await attempt(fn, held);
    if (!outcome.worked) {
      const fresh = await keeper.refetch().catch(() => held);
      if (fresh.secret.epoch !== held.secret.epoch) {
        held = fresh;
        outcome = await attempt(fn, held);
      }
    }
    if (outcome.worked) {
      witness.used(held);
      return outcome.result;
    }

    const before = await keeper.previous().catch(() => undefined);
    if (before === undefined || before.secret.version === held.secret.version) {
      await witness.refused(held);
      throw outcome.error;
    }
    // Told first: evidence must not stand while we live on what it lets be killed.
    await witness.fellBack(held, before);
    const last = await attempt(fn, before);
    if (!last.worked) throw outcome.error;
    fallenBack = { epoch: held.secret.epoch, held: before, until: Date.now() + avoidRefused };
    return last.result;
  };
}
