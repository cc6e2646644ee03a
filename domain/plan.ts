import { dueReason } from './due.ts';
import type { CredentialFacts, EpochReason, RequestFacts, VersionFacts, WorldFacts } from './facts.ts';
import { mayBeSuspended } from './facts.ts';
import type { VersionId } from './identifiers.ts';

/**
 * The one rule: what is *wanted* and what is *doomed* now. Every run asks it at its start and after every change of
 * mind. Crash recovery, roll-back, escalation, take-over and "the replacement leaked" are this rule and nothing else.
 */
export type Plan = AskWorld | DoThis;

/** The rule needs to know whether these versions live before it can answer. */
export interface AskWorld {
  readonly kind: 'ask';
  readonly versions: readonly VersionId[];
}

export interface DoThis {
  readonly kind: 'do';
  /** The version that should be current; `issue`: one is to be made; undefined: none exists and none is due. */
  readonly wanted: VersionId | 'issue' | undefined;
  readonly why: EpochReason;
  /** The newest epoch names it already. */
  readonly decided: boolean;
  /** Some backend does not show it yet, or it is not decided. */
  readonly promote: boolean;
  /** Every other version ever issued and not proved dead, compromised ones first. Standbys apart. */
  readonly doomed: readonly VersionId[];
}

export interface PlanInput {
  readonly facts: CredentialFacts;
  readonly world: WorldFacts;
  /** Named by an escalation, whether or not the ledger has heard of it yet. */
  readonly compromised: ReadonlySet<VersionId>;
  /** Issue, stage, verify, discard: wants a new version whatever the schedule says. */
  readonly rehearse: boolean;
}

export function plan(input: PlanInput): Plan {
  const { facts, world } = input;
  const isCompromised = (version: VersionFacts): boolean => version.compromised || input.compromised.has(version.id);
  const byId = new Map(facts.versions.map((version) => [version.id, version]));
  const newestEpoch = facts.epochs[0];
  const newest = newestEpoch === undefined ? undefined : byId.get(newestEpoch.version);
  const unasked = new Set<VersionId>();

  /** Neither compromised, nor a drill's, nor refused, nor authorised to die, nor used up. */
  const free = (version: VersionFacts): boolean =>
    !isCompromised(version) &&
    !version.drill &&
    !version.refused &&
    !version.spent &&
    version.authorisedEpoch === undefined &&
    !version.killBegun &&
    version.fate !== 'dead' &&
    version.fate !== 'released';
  /**
   * A suspended version answers "refused" and may be resumed: it counts as alive. One that was not asked yet counts so
   * too until it was: nobody behind it is asked for nothing, least of all a version whose silence is being watched.
   */
  const alive = (version: VersionFacts): boolean => {
    if (mayBeSuspended(version)) return true;
    const liveness = world.liveness.get(version.id);
    if (liveness === undefined) unasked.add(version.id);
    return liveness === undefined || liveness === 'live';
  };

  const answer = choose();
  return unasked.size > 0 ? { kind: 'ask', versions: [...unasked] } : answer;

  function choose(): DoThis {
    // An entry that was deleted is given nothing new, nor an earlier version back: what is left of it dies.
    if (facts.status !== 'managed') return want(undefined, 'due');
    // A rehearsal discards what it wants: it never wants what was current, whatever is due or rolled back meanwhile.
    if (input.rehearse) return want(pending()?.id ?? 'issue', 'due');

    const rollBack = openRollBack(facts.requests);
    const target = rollBack?.version === undefined ? undefined : byId.get(rollBack.version);
    // (a) the version an undecided roll-back names
    if (target !== undefined && target !== newest && free(target) && alive(target)) return want(target.id, 'roll-back');

    // (b) the newest epoch's version may not stay: the best that stands ready, else a new one
    if (newest !== undefined && !(free(newest) && alive(newest))) {
      // One that has stood by for too long is better than none.
      const ready = standby() ?? pending() ?? earlier(newest);
      return want(ready?.id ?? 'issue', 'survivor');
    }

    // What an earlier epoch left is finished first: a slot, a cap and people's patience all have room for two, not three.
    const unfinished = facts.versions.some(
      (one) => one !== newest && one.everCurrent && owed(one) && !isCompromised(one),
    );
    const due = dueReason(facts);
    const observes = facts.entry.mode === 'observe' || facts.observeOnly;
    // (c) due
    if (due !== undefined && !unfinished && !observes) {
      const ready = standby((one) => !stoodTooLong(facts, one)) ?? pending();
      return want(ready?.id ?? 'issue', due?.check === 'rotationRequested' ? 'requested' : 'due');
    }
    // (d) what is
    return want(newest?.id, 'due');
  }

  function want(wanted: DoThis['wanted'], why: EpochReason): DoThis {
    const decided = newest !== undefined && wanted === newest.id;
    const behind = [...world.backends.values()].some((standing) => standing !== 'in-sync');
    const others = facts.versions.filter((version) => version.id !== wanted && owed(version));
    // What consumers use until now dies last.
    const order = (version: VersionFacts): number => (isCompromised(version) ? 0 : version === newest ? 2 : 1);
    return {
      kind: 'do',
      wanted,
      why,
      decided,
      promote: wanted !== undefined && (!decided || behind),
      doomed: others.toSorted((one, other) => order(one) - order(other)).map((version) => version.id),
    };
  }

  /** Not proved dead, and nobody else settles it. */
  function owed(version: VersionFacts): boolean {
    if (version.fate === 'dead' || version.fate === 'released') return false;
    if (isCompromised(version)) return true;
    if (drilled(facts, version)) return false;
    if (version.fate === 'standby') return version !== spareOf(facts) || !free(version);
    return !version.debtMoved;
  }

  function standby(serves: (version: VersionFacts) => boolean = () => true): VersionFacts | undefined {
    return facts.versions.findLast(
      (version) => version.fate === 'standby' && version.issued && free(version) && serves(version) && alive(version),
    );
  }

  function pending(): VersionFacts | undefined {
    return facts.versions.find((version) => version.fate === 'pending' && free(version));
  }

  function earlier(than: VersionFacts): VersionFacts | undefined {
    const order = facts.epochs.map((epoch) => epoch.version).filter((id, index, all) => all.indexOf(id) === index);
    for (const id of order) {
      const version = byId.get(id);
      if (version !== undefined && version !== than && free(version) && alive(version)) return version;
    }
    return undefined;
  }
}

/** A minute from planning a drill's version to the intent of issuing it, which then says how long the drill has. */
export const drillBegins = 60_000;

/** Its drill may still be on: nobody takes the key from under it. One that was left behind is doomed like any other. */
function drilled({ now }: CredentialFacts, version: VersionFacts): boolean {
  if (!version.drill || version.spent || version.killBegun) return false;
  const issues = version.intents.filter((intent) => intent.effect === 'issue').map((intent) => intent.until);
  return now < Math.max(version.createdAt + drillBegins, ...issues);
}

function openRollBack(requests: readonly RequestFacts[]): RequestFacts | undefined {
  return requests.find((request) => request.kind === 'rollBack');
}

/**
 * The version that stands by, or is being made for it: the newest that is stored, of an entry that keeps one, and not for
 * longer than two intervals. Every other standby is doomed.
 */
export function spareOf(facts: CredentialFacts): VersionFacts | undefined {
  if (facts.status !== 'managed' || !facts.entry.standby) return undefined;
  const standing = facts.versions.filter((one) => one.fate === 'standby' && !stoodTooLong(facts, one));
  return standing.findLast((one) => one.issued) ?? standing.at(-1);
}

/** Older than two intervals, or the provider would end it before it had been current for one. */
function stoodTooLong({ now, entry }: CredentialFacts, version: VersionFacts): boolean {
  const { every } = entry.schedule;
  return now >= version.createdAt + 2 * every || (version.expiresAt !== undefined && version.expiresAt <= now + every);
}
