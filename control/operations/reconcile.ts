import { KeybatonError } from '../../domain/errors.ts';
import { restoredNote, type ReportedKey, type TargetReport } from '../../domain/reconcile.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { RevokedStray, Sweeping } from '../sweep-ports.ts';

export interface ReconcileInput {
  readonly actor: string;
  /** Undefined: every target that is in use. */
  readonly target?: string;
  /** The id of a key that is none of keybaton's business; with `why`, and a target. */
  readonly ignore?: string;
  readonly why?: string;
  readonly revokeStrays?: boolean;
  /** A person has read this report: a restored ledger may act again. */
  readonly read?: boolean;
}

export interface Reconciled {
  readonly targets: readonly TargetReport[];
  readonly revoked: readonly RevokedStray[];
  /** Strays that were to be revoked and were not, with why. */
  readonly kept: readonly { readonly ref: string; readonly why: string }[];
  /** False: the ledger was restored, and only observes until somebody has read this. */
  readonly trusted: boolean;
}

interface ReconcilePorts {
  readonly ledger: Ledger;
  readonly sweeping: Pick<Sweeping, 'reconcile' | 'revokeStray'>;
}

/**
 * Compares every live key of the targets with the ledger. Only reports, unless it is told to ignore one, or to let ripe
 * strays die; never touches what keybaton did not make.
 */
export async function reconcile({ ledger, sweeping }: ReconcilePorts, input: ReconcileInput): Promise<Reconciled> {
  const names = input.target === undefined ? await ledger.usedTargets() : [input.target];
  if (input.ignore !== undefined) await ignore({ ledger, sweeping }, input, input.ignore);
  const targets: TargetReport[] = [];
  for (const name of names) targets.push(await sweeping.reconcile(name));
  // Nobody has read what was not asked.
  const silent = targets.find(({ trouble }) => trouble !== undefined);
  if (input.read === true) {
    if (input.target !== undefined)
      throw new KeybatonError('INVALID_CONFIG', '--read speaks for every target: leave --target out');
    if (silent !== undefined)
      throw new KeybatonError(
        'UNAVAILABLE',
        `target ${silent.target} did not answer: nobody can have read what lives there`,
      );
    if (!(await ledger.trusted())) await ledger.remember(restoredNote, String(await ledger.clock()));
    await ledger.reconciled({ who: input.actor });
    await ledger.note({ kind: 'reconcile.read', actor: input.actor, body: { targets: targets.length } });
  }
  const revoked: RevokedStray[] = [];
  const kept: { ref: string; why: string }[] = [];
  if (input.revokeStrays === true) {
    for (const { target, keys } of targets) {
      for (const { ref, standing } of keys) {
        if (standing !== 'stray') continue;
        try {
          revoked.push(await sweeping.revokeStray({ target, ref, actor: input.actor }));
        } catch (thrown) {
          if (!(thrown instanceof KeybatonError)) throw thrown;
          kept.push({ ref: ref.id, why: thrown.message });
        }
      }
    }
  }
  return { targets, revoked, kept, trusted: await ledger.trusted() };
}

async function ignore({ ledger, sweeping }: ReconcilePorts, input: ReconcileInput, id: string): Promise<void> {
  const { target, why, actor } = input;
  if (target === undefined) throw new KeybatonError('INVALID_CONFIG', '--ignore needs --target: where the key lives');
  if (why === undefined || why.trim() === '')
    throw new KeybatonError('INVALID_CONFIG', '--why is missing: say why this key is to be ignored');
  const report = await sweeping.reconcile(target);
  const found = report.keys.filter((key: ReportedKey) => key.ref.id === id);
  if (found.length === 0)
    throw new KeybatonError('NOT_FOUND', report.trouble ?? `no key ${id} at target ${target} is to be ignored`);
  for (const { ref, standing } of found) {
    if (standing === 'stray' || standing === 'in doubt')
      throw new KeybatonError('CONFLICT', `key ${id} bears our tag: let it die, or bring it in with --adopt`);
    await ledger.ignoreKey({ target, ref, who: actor, why });
  }
}
