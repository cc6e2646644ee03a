import { condition } from '@temporalio/workflow';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import { askAgainIn, backoff, tellAgainIn } from '../domain/incident-clock.ts';
import { isConfirmed, isReplaced } from '../domain/incident-part.ts';
import { restsOnLedger, type KeyState } from '../domain/incident-keys.ts';
import type { IncidentPace, OutcomeFacts } from '../domain/incident.ts';
import { scattered } from '../domain/jitter.ts';
import { containment, incidentEffects } from './effects.ts';
import type { PartKeys } from './part-keys.ts';
import { troubleOf } from './trouble.ts';

export interface WatchedRotations {
  readonly incident: string;
  readonly pace: IncidentPace;
  readonly keys: PartKeys;
  readonly stops: () => boolean;
}

/** Credentials in one call: each is a signal or a reading of the ledger. */
const chunk = 50;

export type Named = { readonly credential: CredentialId; readonly versions: readonly VersionId[] };

const named = new WeakMap<PartKeys, readonly Named[]>();

/** The compromised versions of each credential of the part, which stay the same for as long as it runs. */
export function credentialsOf(keys: PartKeys): readonly Named[] {
  const known = named.get(keys);
  if (known !== undefined) return known;
  const groups = Map.groupBy(keys.all(), (key) => key.frozen.credential);
  const all = [...groups].map(([credential, some]) => ({
    credential,
    versions: some.map((key) => key.frozen.version),
  }));
  named.set(keys, all);
  return all;
}

/** Has the rotation nothing left to do for the incident? */
export const isOver = (outcome: OutcomeFacts | undefined): boolean =>
  outcome !== undefined && outcome.settled && isReplaced(outcome);

/**
 * Tells every rotation what leaked, and again with growing distance while its outcome is missing: a signal may have met
 * a run that was ending, and a run may have been ended by somebody.
 */
export async function tellRotations({ incident, pace, keys, stops }: WatchedRotations, from: TellFrom): Promise<void> {
  for (;;) {
    const waiting = credentialsOf(keys).filter(({ credential }) => !isOver(keys.outcomes.get(credential)));
    let untold = false;
    for (let at = 0; at < waiting.length && !stops(); at += chunk) {
      const rotations = waiting
        .slice(at, at + chunk)
        .map(({ credential, versions }) => ({ credential, compromised: versions }));
      try {
        const answer = await containment.escalateRotations({ incident, rotations });
        untold = untold || answer.untold.length > 0;
      } catch (thrown) {
        troubleOf(thrown);
        untold = true;
      }
    }
    const over = (): boolean => credentialsOf(keys).every(({ credential }) => isOver(keys.outcomes.get(credential)));
    if (stops()) return;
    const again = untold
      ? scattered(backoff(pace, from.failures + 1), Math.random())
      : tellAgainIn(pace.clock, from.times);
    if (untold) from.failures += 1;
    else from.times += 1;
    // An outcome may be lost again: a replacement leaks too.
    if (over()) await condition(() => stops() || !over());
    else await condition(() => stops() || over(), again);
    if (stops()) return;
  }
}

/** Carried, so that a continued run does not begin to tell every half minute again. */
export interface TellFrom {
  times: number;
  failures: number;
}

/**
 * Asks the ledger how the replacements stand until all are confirmed, and for as long as it alone can tell that a key is
 * dead; more slowly while nothing changes, or nobody answers.
 */
export async function askRotations(
  { incident, pace, keys, stops }: WatchedRotations,
  learned: (outcomes: readonly OutcomeFacts[]) => Promise<void>,
  told: (credential: CredentialId) => boolean = () => true,
): Promise<void> {
  let unchanged = 0;
  // An answer of an earlier build says nothing of the dead: there is nothing to wait for.
  const rests = (key: KeyState): boolean =>
    restsOnLedger(key) && keys.outcomes.get(key.frozen.credential)?.dead !== undefined;
  const open = (): readonly Named[] => {
    const resting = new Set(keys.all().flatMap((key) => (rests(key) ? [key.frozen.credential] : [])));
    return credentialsOf(keys).filter(({ credential }) => {
      if (!told(credential)) return false;
      const outcome = keys.outcomes.get(credential);
      return !isOver(outcome) || !isConfirmed(outcome) || resting.has(credential);
    });
  };
  for (;;) {
    // Not before the first question: a wait, even for what is so already, would put it behind what others begin meanwhile.
    if (!stops() && open().length === 0) await condition(() => stops() || open().length > 0);
    if (stops()) return;
    let news = false;
    for (const asked of chunks(open())) {
      if (stops()) return;
      try {
        const outcomes = await incidentEffects.askOutcomes({ incident, credentials: asked });
        const changed = outcomes.filter((outcome) => differs(keys.outcomes.get(outcome.credential), outcome));
        if (changed.length === 0) continue;
        news = true;
        keys.learn(changed);
        await learned(changed);
      } catch (thrown) {
        troubleOf(thrown);
      }
    }
    unchanged = news ? 0 : unchanged + 1;
    if (open().length > 0) await condition(stops, askAgainIn(pace.outcomeEvery, unchanged));
  }
}

function chunks(named: readonly Named[]): readonly (readonly Named[])[] {
  return Array.from({ length: Math.ceil(named.length / chunk) }, (_, index) =>
    named.slice(index * chunk, (index + 1) * chunk),
  );
}

/** Both were written by the same function: their texts differ when they do. */
const differs = (one: OutcomeFacts | undefined, other: OutcomeFacts): boolean =>
  JSON.stringify(one) !== JSON.stringify(other);
