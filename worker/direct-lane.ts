import { containVersions } from '../activities/containment/contain-versions.ts';
import type { ContainmentPorts } from '../activities/containment/ports.ts';
import { proveVersions } from '../activities/containment/prove-versions.ts';
import type { Ref } from '../domain/facts.ts';
import type {
  ContainAnswer,
  Declaration,
  FrozenVersion,
  KillFact,
  ProveAnswer,
  RateLimit,
  Refusals,
  Trouble,
} from '../domain/incident.ts';
import { batchSize } from '../domain/queues.ts';

/** Writes facts down, then tells them. Never throws. */
export type Told = (facts: readonly KillFact[]) => Promise<void>;

export interface KillTarget {
  readonly declaration: Declaration;
  /** All of one target. */
  readonly versions: readonly FrozenVersion[];
  /** What its provider bears, where targets.yml says so. */
  readonly rate: RateLimit | undefined;
  /** Of an earlier run of the same incident that was cut short. */
  readonly facts: readonly KillFact[];
  readonly tell: Told;
  readonly signal: AbortSignal;
}

interface Key {
  readonly version: FrozenVersion;
  contained: boolean;
  /** Its containment is in the journal. */
  recorded: boolean;
  dead: boolean;
  refusals: Refusals | undefined;
  /** Not touched before this, epoch milliseconds. */
  next: number;
  /** Attempts in a row that came to nothing. */
  vain: number;
  /** What people were told last, so that they are told once. */
  said: string | undefined;
}

/** Longest time between two looks at what is due, milliseconds: the clock may jump. */
const look = 1_000;

/** Longest time between two questions whether a revoked key is dead, milliseconds, where nobody asked for more. */
const longestLook = 5_000;
/** A revoked key that is accepted so often in a row is revoked once more. */
const killAgainAfter = 5;

/** Kills what belongs to one target and proves it dead, in batches, until nothing is left or it is told to stop. */
export async function killTarget(ports: ContainmentPorts, input: KillTarget): Promise<void> {
  const { signal, tell, declaration } = input;
  const keys = input.versions.map((version) => keyOf(version, input.facts));
  const size = batchSize(input.rate);
  for (;;) {
    const left = keys.filter(({ dead }) => !dead);
    if (left.length === 0 || signal.aborted) return;
    const due = left.filter(({ next }) => next <= ports.now());
    // Killing goes before proving: what is revoked waits, what is not is used by a thief.
    const toContain = due.filter(({ contained }) => !contained).slice(0, size);
    const batch = toContain.length > 0 ? toContain : due.slice(0, size);
    if (batch.length === 0) {
      const soonest = Math.min(...left.map(({ next }) => next));
      await ports.sleep(Math.min(look, Math.max(1, soonest - ports.now())), signal);
      continue;
    }
    const { incident } = declaration;
    const began = ports.now();
    let asked: number;
    if (toContain.length > 0) {
      const versions = batch.map(({ version }) => version);
      const answers = await containVersions(ports, { incident, versions }, signal);
      asked = patienceAsked(answers);
      await tell(answers.flatMap((answer) => afterContain(ports, input, keyFor(batch, answer.version), answer)));
    } else {
      const versions = batch.map(({ version, refusals }) => ({ ...version, ...(refusals && { refusals }) }));
      const answers = await proveVersions(ports, { incident, versions }, signal);
      asked = patienceAsked(answers);
      await tell(answers.flatMap((answer) => afterProof(ports, input, keyFor(batch, answer.version), answer)));
    }
    const pause = Math.max(asked, pauseAfter(input.rate, batch.length, ports.now() - began));
    if (pause > 0) await ports.sleep(pause, signal);
  }
}

/** A provider that asked for patience gets it for all its keys: each further call would only prolong it. */
function patienceAsked(answers: readonly (ContainAnswer | ProveAnswer)[]): number {
  const troubles = answers.flatMap((answer) => ('trouble' in answer && answer.trouble ? [answer.trouble] : []));
  return Math.max(0, ...troubles.map(({ code, againIn }) => (code === 'RATE_LIMITED' ? againIn : 0)));
}

/** One call per key and one to list, at the pace that the provider bears. */
function pauseAfter(rate: RateLimit | undefined, keys: number, took: number): number {
  return rate === undefined ? 0 : Math.max(0, ((keys + 1) * rate.per) / rate.calls - took);
}

/** Where an earlier run left it. Refusals are counted anew: they belong to one window of time. */
function keyOf(version: FrozenVersion, facts: readonly KillFact[]): Key {
  const mine = facts.filter((fact) => fact.version === version.version);
  const contained = mine.some(({ kind }) => kind === 'contained');
  return {
    version,
    contained,
    recorded: contained,
    dead: mine.some(({ kind }) => kind === 'dead'),
    refusals: undefined,
    next: version.killAt,
    vain: 0,
    said: undefined,
  };
}

function keyFor(batch: readonly Key[], version: string): Key {
  const found = batch.find((key) => key.version.version === version);
  // Answers come one per version asked for.
  return found as Key;
}

function afterContain(
  ports: ContainmentPorts,
  { declaration }: KillTarget,
  key: Key,
  { contained, seen, at, trouble }: ContainAnswer,
): readonly KillFact[] {
  const { credential, version, refs } = key.version;
  if (!contained) return again(ports, declaration, key, trouble);
  key.contained = true;
  if (!key.recorded) key.vain = 0;
  const news = seen.length > 0 || !key.recorded;
  key.recorded = true;
  // Proved at once: where nothing spreads it is dead already.
  key.next = ports.now();
  const fresh = seen.length > 0 ? { seen } : {};
  const facts: KillFact[] = [{ kind: 'contained', credential, version, at, refs: together(refs, seen), ...fresh }];
  return [...(news ? facts : []), ...(trouble === undefined ? [] : told(ports, key, trouble))];
}

function afterProof(
  ports: ContainmentPorts,
  { declaration }: KillTarget,
  key: Key,
  answer: ProveAnswer,
): readonly KillFact[] {
  const { credential, version } = key.version;
  if (answer.kind === 'dead') {
    key.dead = true;
    return [{ kind: 'dead', credential, version, at: answer.at, grade: answer.grade }];
  }
  key.refusals = answer.refusals;
  if (answer.trouble !== undefined) return again(ports, declaration, key, answer.trouble);
  key.vain = answer.kind === 'refused' ? 0 : key.vain + 1;
  // Refusals keep the rhythm of the provider's window; the rest is asked for often: the clock runs.
  const patience = answer.kind === 'refused' ? 0 : Math.min(backoff(declaration, key.vain), longestLook);
  key.next = ports.now() + Math.max(answer.againIn, patience);
  // Something of it is alive that was not killed, or came back. One that is accepted may still be spreading, for a while.
  if (answer.kind === 'listed' || (answer.kind === 'accepted' && key.vain % killAgainAfter === 0))
    key.contained = false;
  return told(ports, key, { code: 'not yet dead', why: answer.why });
}

function again(
  ports: ContainmentPorts,
  declaration: Declaration,
  key: Key,
  trouble: Trouble | undefined,
): readonly KillFact[] {
  key.vain += 1;
  key.next = ports.now() + Math.max(trouble?.againIn ?? 0, backoff(declaration, key.vain));
  return trouble === undefined ? [] : told(ports, key, trouble);
}

const backoff = ({ pace }: Declaration, vain: number): number =>
  Math.min(pace.retryTo, pace.retryFrom * 2 ** Math.min(vain - 1, 20));

function told(ports: ContainmentPorts, key: Key, { code, why }: Pick<Trouble, 'code' | 'why'>): readonly KillFact[] {
  if (key.said === why) return [];
  key.said = why;
  const { credential, version } = key.version;
  return [{ kind: 'trouble', credential, version, at: ports.now(), code, why }];
}

function together(refs: readonly Ref[], seen: readonly Ref[]): readonly Ref[] {
  return [...new Map([...refs, ...seen].map((ref) => [JSON.stringify([ref.id, ref.mark]), ref])).values()];
}
