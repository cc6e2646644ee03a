import { drillDue, drillEvery, drillPlace, whyNoDrill, type DrillKept } from '../../domain/drill.ts';
import type { Tier } from '../../domain/entry.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { everyCredential } from './list.ts';

const weight: Readonly<Record<Tier, number>> = { critical: 0, standard: 1, low: 2 };

interface Resting {
  readonly id: CredentialId;
  readonly target: string;
  readonly tier: Tier;
  /** When its last drill was; undefined: never. */
  readonly lastAt: number | undefined;
}

/**
 * Which credential of a target is drilled: one at rest, never drilled before drilled long ago, the weightiest tier first.
 * NOT_FOUND without any at the target; CONFLICT, saying why of each of the first few, when none is at rest.
 */
export async function chooseDrilled(ledger: Ledger, target: string): Promise<CredentialId> {
  const { resting, unfit } = await lookThrough(ledger, (one) => one === target);
  const [chosen] = resting;
  if (chosen !== undefined) return chosen.id;
  if (unfit.length === 0) throw new KeybatonError('NOT_FOUND', `no credential is at target ${target}`);
  const more = unfit.length > 3 ? `, and ${unfit.length - 3} more` : '';
  throw new KeybatonError(
    'CONFLICT',
    `no credential of ${target} can be drilled now: ${unfit.slice(0, 3).join('; ')}${more}`,
  );
}

/**
 * At most one of each target: a drill needs room for one more key there. Whole facts are read of those alone that are due
 * there, until one is at rest: this is asked each hour, of a ledger that may hold a hundred thousand.
 */
export async function drillsDue(ledger: Ledger, targets: ReadonlySet<string>): Promise<readonly CredentialId[]> {
  const now = await ledger.clock();
  const { entries } = await ledger.inventory();
  const meant = entries.filter(({ target, mode }) => targets.has(target) && mode !== 'observe');
  const chosen: CredentialId[] = [];
  for (const [target, some] of Map.groupBy(meant, (entry) => entry.target)) {
    const due: Resting[] = [];
    for (const { id, tier } of some) {
      const lastAt = drillEvery[tier] === undefined ? undefined : await lastDrill(ledger, id);
      if (drillDue(tier, lastAt, now)) due.push({ id, target, tier, lastAt });
    }
    const first = await atRest(ledger, due.toSorted(order));
    if (first !== undefined) chosen.push(first);
  }
  return chosen;
}

async function atRest(ledger: Ledger, due: readonly Resting[]): Promise<CredentialId | undefined> {
  for (const { id } of due) if (whyNoDrill(await ledger.facts(id)) === undefined) return id;
  return undefined;
}

const order = (one: Resting, other: Resting): number =>
  (one.lastAt ?? 0) - (other.lastAt ?? 0) || weight[one.tier] - weight[other.tier];

async function lookThrough(
  ledger: Ledger,
  meant: (target: string) => boolean,
): Promise<{ readonly resting: readonly Resting[]; readonly unfit: readonly string[] }> {
  const resting: Resting[] = [];
  const unfit: string[] = [];
  for await (const facts of everyCredential({ ledger })) {
    const { target, tier } = facts.entry;
    if (!meant(target) || facts.status === 'released') continue;
    const why = whyNoDrill(facts);
    if (why === undefined) resting.push({ id: facts.id, target, tier, lastAt: await lastDrill(ledger, facts.id) });
    else unfit.push(why);
  }
  return { resting: resting.toSorted(order), unfit };
}

async function lastDrill(ledger: Pick<Ledger, 'remembered'>, credential: CredentialId): Promise<number | undefined> {
  const text = await ledger.remembered(drillPlace(credential));
  // Written by a drill of ours and by nobody else.
  return text === undefined ? undefined : (JSON.parse(text) as DrillKept).at;
}
