import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { FrozenVersion, IncidentPace, KillFact, OutcomeFacts } from '../domain/incident.ts';
import {
  afterLedger,
  afterPerson,
  keyOf,
  nextStep,
  type After,
  type KeyState,
  type KeyStep,
} from '../domain/incident-keys.ts';

/** Keys of one target that are due for the same step. */
export interface KeyBatch {
  readonly step: KeyStep;
  readonly keys: readonly KeyState[];
}

/** The keys of one part, while they are worked on. */
export interface PartKeys {
  readonly targets: readonly string[];
  all(): readonly KeyState[];
  /** Up to `size` keys that are due now for the first of these steps that has any. They are nobody else's until `put` brings them back. */
  take(target: string, now: number, size: number, steps: readonly KeyStep[]): KeyBatch | undefined;
  put(afters: readonly After[]): void;
  /** When the next key of the target is due for one of these, epoch milliseconds; undefined: none is, until something else changes. */
  nextAt(target: string, steps: readonly KeyStep[]): number | undefined;
  /** Every death of the target counts for good. */
  through(target: string): boolean;
  outcomes: ReadonlyMap<CredentialId, OutcomeFacts>;
  learn(outcomes: readonly OutcomeFacts[]): void;
  /** Grows with every change at a target, and at any. */
  revision(target?: string): number;
}

export function openPartKeys(
  versions: readonly FrozenVersion[],
  carried: { readonly keys: readonly KeyState[]; readonly outcomes: readonly OutcomeFacts[] } | undefined,
  pace: IncidentPace,
  onFacts: (facts: readonly KillFact[]) => void,
): PartKeys {
  const keys = new Map<VersionId, KeyState>(
    (carried?.keys ?? versions.map(keyOf)).map((key) => [key.frozen.version, key]),
  );
  const outcomes = new Map<CredentialId, OutcomeFacts>(
    (carried?.outcomes ?? []).map((outcome) => [outcome.credential, outcome]),
  );
  const busy = new Set<VersionId>();
  const revisions = new Map<string, number>();
  let revision = 0;
  const targets = [...new Set([...keys.values()].map((key) => key.frozen.target))];
  const changed = (target: string): void => {
    revision += 1;
    revisions.set(target, (revisions.get(target) ?? 0) + 1);
  };
  const of = (target: string): readonly KeyState[] =>
    [...keys.values()].filter((key) => key.frozen.target === target && !busy.has(key.frozen.version));
  const byLedger = ({ key, facts }: After): After | undefined => {
    const after = afterLedger(key, outcomes.get(key.frozen.credential), pace);
    return after === undefined ? undefined : { key: after.key, facts: [...facts, ...after.facts] };
  };
  const next = (key: KeyState) => nextStep(key, outcomes.get(key.frozen.credential));

  return {
    targets,
    outcomes,
    all: () => [...keys.values()],
    take(target, now, size, steps) {
      for (const step of steps) {
        const due = of(target)
          .filter((key) => {
            const asked = next(key);
            return asked?.step === step && asked.at <= now;
          })
          .slice(0, size);
        for (const key of due) busy.add(key.frozen.version);
        if (due.length > 0) return { step, keys: due };
      }
      return undefined;
    },
    put(landed) {
      const afters = landed.map((after) => byLedger(after) ?? after);
      for (const { key } of afters) {
        keys.set(key.frozen.version, key);
        busy.delete(key.frozen.version);
      }
      const facts = afters.flatMap((after) => after.facts);
      if (facts.length > 0) onFacts(facts);
      for (const target of new Set(afters.map(({ key }) => key.frozen.target))) changed(target);
    },
    nextAt: (target, steps) =>
      of(target).reduce<number | undefined>((soonest, key) => {
        const asked = next(key);
        if (asked === undefined || !steps.includes(asked.step)) return soonest;
        return soonest !== undefined && soonest <= asked.at ? soonest : asked.at;
      }, undefined),
    through: (target) => [...keys.values()].every((key) => key.frozen.target !== target || key.through),
    learn(learned) {
      for (const outcome of learned) {
        outcomes.set(outcome.credential, outcome);
        // What is under way is looked at when it has landed.
        const resting = [...keys.values()].filter(
          ({ frozen }) => frozen.credential === outcome.credential && !busy.has(frozen.version),
        );
        for (const key of resting) {
          const after = byLedger({ key, facts: [] }) ?? { key: afterPerson(key, outcome), facts: [] };
          keys.set(key.frozen.version, after.key);
          if (after.facts.length > 0) onFacts(after.facts);
        }
      }
      for (const target of targets) changed(target);
    },
    revision: (target) => (target === undefined ? revision : (revisions.get(target) ?? 0)),
  };
}
