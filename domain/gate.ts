import type { Entry, EvidenceKind } from './entry.ts';
import { satisfies } from './entry.ts';
import type { BackendStanding, EvidenceFacts, InstanceFacts, RequestFacts, SilenceFacts } from './facts.ts';
import type { Liveness } from './lifecycle.ts';

/**
 * GATE: may a version that was ever current be suspended or revoked? Pure, one function per line. Asked in the order
 * 3, 4, 1, 2 (no needless probe), and "cannot tell" on any line is a miss. Emergencies do not ask.
 */
export interface GateMiss {
  readonly line: 1 | 2 | 3 | 4;
  /** For people: what is missing and, where they can do something, what. */
  readonly why: string;
}

export interface MissingEvidence {
  readonly consumer: string;
  /** Undefined: the consumer as a whole. */
  readonly instance: string | undefined;
  readonly demand: EvidenceKind | undefined;
  readonly why: 'not proved' | 'withdrawn' | 'lease lapsed' | 'no instance seen' | 'no consumer declared';
}

/** Acknowledgement and roll-out speak for a consumer as a whole; every other kind for one instance. */
const speaksForAll = (kind: EvidenceKind): boolean => kind === 'acknowledged' || kind === 'rolled-out';

/**
 * Line 3: every consumer demanded since the epoch was decided, and every instance seen since, has evidence of this
 * epoch, at least one instance each. An empty register is "cannot tell" unless the entry says `consumers: none`.
 */
export function missingEvidence(facts: EvidenceFacts, now: number): readonly MissingEvidence[] {
  const { released = [] } = facts;
  return missingWithoutRelease(facts, now).filter(
    (one) => !released.some((gone) => gone.consumer === one.consumer && gone.instance === one.instance),
  );
}

function missingWithoutRelease(facts: EvidenceFacts, now: number): readonly MissingEvidence[] {
  if (facts.demands.length === 0) {
    if (facts.none !== undefined) return [];
    return [{ consumer: '*', instance: undefined, demand: undefined, why: 'no consumer declared' }];
  }
  return facts.demands.flatMap(({ consumer, demand }): readonly MissingEvidence[] => {
    const waived = (instance: string | undefined): boolean =>
      facts.waivers.some(
        (waiver) => waiver.consumer === consumer && (waiver.instance === undefined || waiver.instance === instance),
      );
    if (waived(undefined)) return [];
    const shown = facts.evidence.filter((one) => one.consumer === consumer && satisfies(one.kind, demand));
    const standing = shown.filter((one) => !one.withdrawn);
    const wholeConsumer = standing.some((one) => one.instance === undefined && speaksForAll(one.kind));
    const present = facts.instances.filter((one) => one.consumer === consumer && !one.left && !waived(one.instance));
    if (speaksForAll(demand) && wholeConsumer) return [];
    const missing = present
      .filter((instance) => !standing.some((one) => one.instance === instance.instance))
      .map((instance): MissingEvidence => ({
        consumer,
        instance: instance.instance,
        demand,
        why: reasonFor(instance, shown, now),
      }));
    if (missing.length > 0) return missing;
    if (standing.length > 0) return [];
    const everyoneWaived = facts.instances.some((one) => one.consumer === consumer && waived(one.instance));
    return everyoneWaived ? [] : [{ consumer, instance: undefined, demand, why: 'no instance seen' }];
  });
}

function reasonFor(instance: InstanceFacts, shown: EvidenceFacts['evidence'], now: number): MissingEvidence['why'] {
  if (shown.some((one) => one.instance === instance.instance && one.withdrawn)) return 'withdrawn';
  return instance.leaseUntil < now ? 'lease lapsed' : 'not proved';
}

export function describeMissing(missing: MissingEvidence): string {
  if (missing.why === 'no consumer declared') {
    return 'no consumer is declared: add consumers to the entry, or `consumers: none` with a reason';
  }
  const who = missing.instance === undefined ? missing.consumer : `${missing.consumer}/${missing.instance}`;
  return `${who}: ${missing.why} (${missing.demand ?? 'evidence'})`;
}

export function evidenceMiss(facts: EvidenceFacts, now: number): GateMiss | undefined {
  const missing = missingEvidence(facts, now);
  if (missing.length === 0) return undefined;
  const shown = missing.slice(0, 10).map(describeMissing).join('; ');
  return { line: 3, why: missing.length > 10 ? `${shown}; and ${missing.length - 10} more` : shown };
}

/**
 * Line 4: the old version was silent for T, where the provider has the signal and the entry asks for it. Counted from
 * the later of "watching began" and "last use seen" to what the signal can vouch for; never beyond.
 */
export function silenceMissing(
  silence: Entry['silence'],
  facts: SilenceFacts | undefined,
  signal: boolean,
): string | undefined {
  if (!signal || 'no' in silence) return undefined;
  if (facts === undefined) return 'the old version is not watched yet';
  const quietSince = Math.max(facts.watchingSince, facts.lastUseAt ?? 0);
  const quiet = facts.watchedUntil - quietSince;
  if (quiet >= silence.for) return undefined;
  return `the old version was silent for ${Math.max(0, Math.floor(quiet / 1000))} s of ${Math.ceil(silence.for / 1000)} s`;
}

/** How long until line 4 can be true at the earliest, in milliseconds; used to ask again in time. */
export function silenceRemaining(silence: Entry['silence'], facts: SilenceFacts | undefined): number {
  if ('no' in silence) return 0;
  if (facts === undefined) return silence.for;
  return Math.max(0, silence.for - (facts.watchedUntil - Math.max(facts.watchingSince, facts.lastUseAt ?? 0)));
}

/** Line 1: every backend answers, and its current is the survivor. A write-only one must have acknowledged the write. */
export function backendsMiss(standings: ReadonlyMap<string, BackendStanding>): GateMiss | undefined {
  const misses = [...standings].filter(([, standing]) => standing !== 'in-sync');
  if (misses.length === 0) return undefined;
  return { line: 1, why: misses.map(([backend, standing]) => `backend ${backend} is ${standing}`).join('; ') };
}

/** Line 2: the survivor is alive, asked at the provider just now. */
export function survivorMiss(liveness: Liveness): GateMiss | undefined {
  return liveness === 'live' ? undefined : { line: 2, why: `the survivor is ${liveness} at the provider` };
}

/** What `release --unproved` waives for this epoch: lines 3 and 4, never 1, 2 or 5. */
export function releasedUnproved(requests: readonly RequestFacts[], epoch: number): boolean {
  return requests.some((one) => one.kind === 'release' && one.release === 'unproved' && one.epoch === epoch);
}

/** Mode `ask` stops before revoking until a person said go for this epoch; `observe` never gets there. */
export function modeMiss(mode: Entry['mode'], requests: readonly RequestFacts[], epoch: number): string | undefined {
  if (mode === 'automatic') return undefined;
  if (mode === 'ask' && requests.some((one) => one.kind === 'release' && one.release === 'ask' && one.epoch === epoch))
    return undefined;
  return mode === 'ask'
    ? 'mode is ask: run `keybaton release --ask` to let it revoke'
    : 'mode is observe: nothing is revoked';
}
