import type { CredentialId } from './identifiers.ts';
import type { SweepCandidate, SweepLimits, Urgency } from './sweep.ts';

/** How many were started, where, in one sweep. */
export interface Tally {
  at(target: string): number;
  all(): number;
  started(id: CredentialId): boolean;
  /** Targets that take no more. */
  full(limits: SweepLimits): readonly string[];
  count(one: Pick<SweepCandidate, 'id' | 'target'>, urgency: Urgency): void;
}

export function openTally(): Tally {
  const targets = new Map<string, number>();
  const started = new Set<CredentialId>();
  let all = 0;
  return {
    at: (target) => targets.get(target) ?? 0,
    all: () => all,
    started: (id) => started.has(id),
    full: ({ startsPerTarget }) =>
      [...targets].flatMap(([target, count]) => (count >= startsPerTarget ? [target] : [])),
    count: ({ id, target }, urgency) => {
      started.add(id);
      if (urgency === 'urgent') return;
      all += 1;
      targets.set(target, (targets.get(target) ?? 0) + 1);
    },
  };
}
