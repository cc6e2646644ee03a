import { dueReason } from './due.ts';
import type { Tier } from './entry.ts';
import type { CredentialFacts } from './facts.ts';
import type { CredentialId, VersionId } from './identifiers.ts';

const day = 86_400_000;

/** How often a credential of each tier is drilled, milliseconds; undefined: never by itself. */
export const drillEvery: Readonly<Record<Tier, number | undefined>> = {
  critical: 30 * day,
  standard: 90 * day,
  low: undefined,
};

/** From declared to proved dead, milliseconds. */
export const drillTarget = 15 * 60_000;

/** From the first call that may make the key until it is declared, beside the provider's spread, milliseconds. */
export const drillTakes = 60_000;

/** The thief goes on for so long after the proof, milliseconds: what is dead must stay so. */
export const thiefLingers = 10_000;

/** One use by the thief. `forbidden` is alive; `unanswered` is no verdict, and counts as neither in nor out. */
export interface ThiefUse {
  /** Epoch milliseconds: sent, and answered. */
  readonly began: number;
  readonly ended: number;
  readonly answer: 'accepted' | 'forbidden' | 'refused' | 'unanswered';
}

export interface DrillTimes {
  readonly declaredAt: number;
  readonly containedAt: number | null;
  readonly deadAt: number | null;
  readonly uses: readonly ThiefUse[];
}

/** What a drill came to. Durations in milliseconds from the declaration; `null`: it did not happen. */
export interface DrillMeasures {
  readonly toContained: number | null;
  readonly toDead: number | null;
  /** To the end of the last use that got through; `null` when none did after the declaration. */
  readonly toLastUse: number | null;
  readonly uses: {
    readonly tried: number;
    readonly unanswered: number;
    /** Got through, by when they began. */
    readonly beforeDeclared: number;
    readonly afterDeclared: number;
    readonly afterDead: number;
    /** Tried after the proof, and answered. */
    readonly answeredAfterDead: number;
  };
  readonly verdict: 'passed' | 'failed';
  /** Why it failed, for people; empty when it passed. */
  readonly because: readonly string[];
}

/** Pure. A drill in which nothing could have been seen has failed too. */
export function measureDrill(times: DrillTimes, trouble?: string): DrillMeasures {
  const { declaredAt, containedAt, deadAt } = times;
  const through = times.uses.filter(({ answer }) => answer === 'accepted' || answer === 'forbidden');
  const lastUse = through.filter(({ ended }) => ended >= declaredAt).map(({ ended }) => ended);
  const afterProof = (use: ThiefUse): boolean => deadAt !== null && use.began >= deadAt;
  const since = (at: number | null): number | null => (at === null ? null : Math.max(0, at - declaredAt));
  const uses = {
    tried: times.uses.length,
    unanswered: times.uses.filter(({ answer }) => answer === 'unanswered').length,
    beforeDeclared: through.filter(({ began }) => began < declaredAt).length,
    afterDeclared: through.filter(({ began }) => began >= declaredAt).length,
    afterDead: through.filter(afterProof).length,
    answeredAfterDead: times.uses.filter((use) => use.answer !== 'unanswered' && afterProof(use)).length,
  };
  const toDead = since(deadAt);
  const because = [
    ...(trouble === undefined ? [] : [trouble]),
    ...(toDead === null ? ['the key was not proved dead'] : []),
    ...(toDead !== null && toDead > drillTarget
      ? ['it was proved dead later than 15 minutes after the declaration']
      : []),
    ...(uses.afterDead > 0 ? [`the thief got through ${uses.afterDead} times after it was proved dead`] : []),
    ...(uses.beforeDeclared === 0 ? ['the thief never got in, so nothing was measured of it'] : []),
    ...(toDead !== null && uses.answeredAfterDead === 0
      ? ['the thief had no answer after the proof, so nobody but keybaton says that the key is dead']
      : []),
  ];
  return {
    toContained: since(containedAt),
    toDead,
    toLastUse: lastUse.length === 0 ? null : Math.max(...lastUse) - declaredAt,
    uses,
    verdict: because.length === 0 ? 'passed' : 'failed',
    because,
  };
}

/** What the ledger keeps of a credential's last drill. */
export interface DrillKept {
  readonly at: number;
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly incident: string;
  readonly measures: DrillMeasures;
}

/** Under which the last drill of a credential is remembered. */
export const drillPlace = (credential: CredentialId): string => `drill/${credential}`;

/** Under which the last drill of a tier is remembered: doctor asks for it, however many credentials there are. */
export const drillTierPlace = (tier: Tier): string => `drill-of-tier/${tier}`;

/** Is a scheduled drill due? One that was never drilled is. */
export function drillDue(tier: Tier, lastAt: number | undefined, now: number): boolean {
  const every = drillEvery[tier];
  return every !== undefined && (lastAt === undefined || now >= lastAt + every);
}

/** Why no drill may begin now, for people. A drill is for a credential at rest: it must touch nothing but its own key. */
export function whyNoDrill(facts: CredentialFacts): string | undefined {
  const { id, status, entry, requests } = facts;
  if (status !== 'managed') return `${id} is ${status}: nothing new is made for it`;
  if (facts.observeOnly) return 'the ledger was restored and only observes: keybaton reconcile --read ends that';
  if (entry.mode === 'observe') return `${id} is in mode observe: nothing is made for it`;
  const stop = requests.find(({ kind }) => kind === 'freeze' || kind === 'pause');
  if (stop !== undefined) return `${id} is ${stop.kind === 'freeze' ? 'frozen' : 'paused'} by ${stop.who}: ${stop.why}`;
  const living = facts.versions.filter(({ fate }) => fate !== 'dead' && fate !== 'released');
  const left = living.find(({ drill }) => drill);
  if (left !== undefined)
    return `${id} has had a drill whose key ${left.id} is not dead yet: it dies with the next rotation`;
  if (living.some(({ compromised }) => compromised))
    return `${id} has a compromised version that is not dead: that goes first`;
  if (facts.openRun !== undefined) return `${id} is rotating: drill when that has ended (keybaton status ${id})`;
  const due = dueReason(facts);
  // Its incident wakes the rotation, which would then do what is due.
  return due === undefined ? undefined : `${id} is to rotate (${due.why}): keybaton rotate ${id} --wait first`;
}
