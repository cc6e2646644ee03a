import type { CredentialFacts } from '../domain/facts.ts';
import { batchSize, callsPerSecond } from '../domain/queues.ts';
import { wait, type Answer } from '../domain/rotation.ts';
import type { TargetKills } from '../ledger/ledger.ts';
import type { ActivityPorts, BoundProvider } from './ports.ts';

/** Nothing gives way for longer than this after the ledger heard of it: by then all of it should be dead. */
const longest = 5 * 60_000;
/** An incident of which nothing more has come for so long is not waited for. */
const patience = 15_000;
/** How long a count of so many keys serves everyone, milliseconds. */
const countsFor = 1_000;
const dear = 200;
const shortestWait = 2_000;
const longestWait = 15_000;
/** Calls that replacing one credential takes, and tidying after one dead key. */
const callsToReplace = 6;
const callsToTidy = 5;

/**
 * Shall this run leave the provider of a target to incidents that are killing a crowd there? What it bears goes to
 * containment first: a replacement waits until all that is named is contained; a second kill, a second proof and tidying
 * until it is `dead`. Undefined: go on. That is so as soon as nothing more is heard of the kills, so no incident that
 * hangs, was lost or cannot kill the rest holds anybody up. Runs that waited come back spread over the time that the
 * provider needs for them.
 */
export async function giveWay(
  ports: Pick<ActivityPorts, 'ledger' | 'random'>,
  { target, rate }: Pick<BoundProvider, 'target' | 'rate'>,
  { entry, now }: Pick<CredentialFacts, 'entry' | 'now'>,
  over: 'contained' | 'dead',
): Promise<Answer<never> | undefined> {
  // Kept alive until its replacement is there: what replaces it comes first too.
  if (entry.emergency.policy !== 'revoke-first') return undefined;
  const kills = await killsAt(ports.ledger, target, now);
  if (kills === undefined || kills.keys <= batchSize(rate)) return undefined;
  const left = kills.keys - kills[over];
  if (left === 0 || !goesOn(kills, apart(rate) * (batchSize(rate) + 1), now)) return undefined;
  const after = over === 'contained' ? kills.credentials * callsToReplace : kills.keys * callsToTidy;
  const busy = Math.max(left, after) * apart(rate);
  const [byte = 0] = ports.random(1);
  const againIn = Math.min(longestWait, Math.max(shortestWait, busy)) * (0.5 + byte / 256);
  return wait(`an incident has ${left} of ${kills.keys} keys here to kill first`, Math.round(againIn));
}

/** What the ledger counted lately, by target, of each ledger. */
const counted = new WeakMap<
  object,
  Map<string, { readonly at: number; readonly kills: Promise<TargetKills | undefined> }>
>();

/** Thousands of runs give way to one large crowd, and each count looks at all of its keys: one serves them for a second. */
async function killsAt(ledger: ActivityPorts['ledger'], target: string, now: number): Promise<TargetKills | undefined> {
  const known = counted.get(ledger) ?? new Map<string, { at: number; kills: Promise<TargetKills | undefined> }>();
  counted.set(ledger, known);
  const last = known.get(target);
  if (last !== undefined && last.at <= now && now < last.at + countsFor) return last.kills;
  const asked = { at: now, kills: ledger.killsAt(target) };
  known.set(target, asked);
  const forget = (): void => {
    if (known.get(target) === asked) known.delete(target);
  };
  try {
    const kills = await asked.kills;
    // What is quickly counted is counted anew: an incident is seen as soon as it is declared, its end as soon as it is there.
    if (kills === undefined || kills.keys < dear) forget();
    return kills;
  } catch (thrown) {
    forget();
    throw thrown;
  }
}

/** Milliseconds between two calls. */
const apart = (rate: BoundProvider['rate']): number =>
  1_000 / (rate === undefined ? batchSize(undefined) : callsPerSecond(rate));

function goesOn({ heardAt, lastAt }: TargetKills, batch: number, now: number): boolean {
  return now - Math.max(heardAt, lastAt ?? 0) < Math.max(patience, 3 * batch) && now - heardAt < longest;
}
