/** What a version is meant to be (NIST SP 800-57 part 1, section 7), what the provider says of it, and which moves are legal. */
export type State = 'pre-activation' | 'active' | 'suspended' | 'deactivated' | 'compromised' | 'destroyed';

/** What the provider says of a version; never guessed from its state. */
export type Liveness = 'live' | 'refused' | 'absent' | 'unknown';

/** What a stored version is for (AWS's words, and `standby`). */
export type Label = 'pending' | 'current' | 'previous' | 'standby';

/** Where a version stands in the one rule: the ledger's own word, from which states and labels are derived. */
export type Fate = 'pending' | 'standby' | 'current' | 'doomed' | 'dead' | 'released';

const moves: Readonly<Record<State, readonly State[]>> = {
  // NIST also lets an active or suspended key be destroyed; we pass through `deactivated`, so that refused is proved before erased.
  'pre-activation': ['active', 'deactivated', 'compromised'],
  active: ['suspended', 'deactivated', 'compromised'],
  suspended: ['active', 'deactivated', 'compromised'],
  deactivated: ['destroyed', 'compromised'],
  compromised: ['destroyed'],
  destroyed: [],
};

export function mayMove(from: State, to: State): boolean {
  return moves[from].includes(to);
}

export interface StateFacts {
  readonly fate: Fate;
  readonly everCurrent: boolean;
  readonly compromised: boolean;
  readonly suspended: boolean;
  readonly killBegun: boolean;
  /** No copy of its material is left in any backend. */
  readonly erased: boolean;
}

/** The NIST state that the ledger's facts amount to. */
export function stateOf(facts: StateFacts): State {
  const dead = facts.fate === 'dead';
  if (dead && facts.erased) return 'destroyed';
  if (facts.compromised) return 'compromised';
  if (dead || facts.killBegun) return 'deactivated';
  if (facts.suspended) return 'suspended';
  return facts.everCurrent || facts.fate === 'current' ? 'active' : 'pre-activation';
}

/** The label a version's copies carry, if any. `previous` is the newest doomed version that was current. */
export function labelOf(facts: {
  readonly fate: Fate;
  readonly everCurrent: boolean;
  readonly newestFormer: boolean;
}): Label | undefined {
  if (facts.fate === 'current' || facts.fate === 'standby' || facts.fate === 'pending') return facts.fate;
  return facts.everCurrent && facts.newestFormer && facts.fate === 'doomed' ? 'previous' : undefined;
}
