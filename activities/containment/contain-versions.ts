import type { Ref } from '../../domain/facts.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import type { ContainAnswer, FrozenVersion, Trouble } from '../../domain/incident.ts';
import type { LiveCredential } from '../../providers/provider.ts';
import type { BoundProvider } from '../ports.ts';
import { sameGeneration, taggedAs } from '../refs-to-kill.ts';
import { openBatch, type Batch, type Tried } from './batch.ts';
import { byTarget, inOrder } from './by-target.ts';
import { killRef } from './kill-ref.ts';
import type { ContainmentPorts } from './ports.ts';
import { troubleOf } from './trouble.ts';

export interface ContainInput {
  readonly incident: string;
  /** Meant for one target per call: each target has a budget of time, and a rate, of its own. */
  readonly versions: readonly FrozenVersion[];
}

/**
 * Kills versions at their provider, now: the refs that are known first, each by itself, then every key that one `list`
 * shows under a version's tag. Idempotent. Answers one line per version, in order, and throws for none: what could not
 * be done is its trouble. Takes 15 s at the longest; what it did not reach says `not tried`.
 */
export async function containVersions(
  ports: ContainmentPorts,
  { versions }: ContainInput,
  signal: AbortSignal,
): Promise<readonly ContainAnswer[]> {
  const answers = await Promise.all(
    byTarget(versions).map(async ([target, some]) => {
      try {
        return await containAt(ports, await ports.provider(target), some, signal);
      } catch (thrown) {
        return some.map((one) => answerOf(ports, one.version, [], troubleOf(thrown)));
      }
    }),
  );
  return inOrder(versions, answers.flat());
}

/** What became of each ref of one version: undefined when it is gone for ever. */
type Kills = Map<Ref, Trouble | undefined>;

const killsOf = (kills: ReadonlyMap<VersionId, Kills>, version: VersionId): Kills =>
  kills.get(version) ?? new Map<Ref, Trouble | undefined>();

async function containAt(
  ports: ContainmentPorts,
  provider: BoundProvider,
  versions: readonly FrozenVersion[],
  signal: AbortSignal,
): Promise<readonly ContainAnswer[]> {
  const batch = openBatch(ports, provider, signal);
  const kills = new Map<VersionId, Kills>(versions.map(({ version }) => [version, new Map()]));
  // Tidied when its rotation destroys it. One that is known by its tag alone may have no rotation.
  const owed = new Set(versions.filter((one) => one.fingerprint !== undefined).map(({ version }) => version));
  const kill = async ({ version, ref }: Wanted): Promise<void> => {
    kills.get(version)?.set(ref, await killRef(batch, provider, ref, owed.has(version)));
  };

  await batch.each(
    versions.flatMap(({ version, refs }) => refs.map((ref) => ({ version, ref }))),
    kill,
  );
  const listed = await batch.attempt((call) => provider.list(call));
  if ('answer' in listed) await killListed(batch, provider, versions, kills, listed.answer, kill);

  return versions.map((one) => judge(ports, provider, one, killsOf(kills, one.version), listed));
}

interface Wanted {
  readonly version: VersionId;
  readonly ref: Ref;
}

/** Twins and late creates under the tag; and kills whose answer was lost, which the list decides. */
async function killListed(
  batch: Batch,
  provider: BoundProvider,
  versions: readonly FrozenVersion[],
  kills: ReadonlyMap<VersionId, Kills>,
  listed: readonly LiveCredential[],
  kill: (wanted: Wanted) => Promise<void>,
): Promise<void> {
  const again: Wanted[] = [];
  for (const { version } of versions) {
    const mine = killsOf(kills, version);
    for (const { ref } of taggedAs(version, listed, provider.installation))
      if (![...mine.keys()].some((one) => sameGeneration(one, ref))) again.push({ version, ref });
    for (const [ref, trouble] of mine) {
      if (trouble?.code !== 'AMBIGUOUS') continue;
      if (listed.some((live) => sameGeneration(live.ref, ref))) again.push({ version, ref });
      else mine.set(ref, undefined);
    }
  }
  await batch.each(again, kill);
}

function judge(
  ports: ContainmentPorts,
  provider: BoundProvider,
  one: FrozenVersion,
  kills: Kills,
  listed: Tried<readonly LiveCredential[]>,
): ContainAnswer {
  const seen = [...kills.keys()].filter((ref) => !one.refs.some((known) => sameGeneration(known, ref)));
  const failed = [...kills.values()].filter((trouble) => trouble !== undefined);
  // What nobody but a person can do is told before what the next attempt may do.
  const worst = failed.find((trouble) => trouble.person) ?? failed[0];
  if (worst !== undefined) return answerOf(ports, one.version, seen, worst);
  if ('trouble' in listed) {
    const { trouble } = listed;
    const sure = one.refs.length > 0 && one.lateUntil === 0;
    const why = `${sure ? 'its known refs are revoked, but ' : ''}the provider could not be asked for further keys under its tag: ${trouble.why}`;
    return { ...answerOf(ports, one.version, seen, { ...trouble, why }), contained: sure };
  }
  const open = late(ports, provider, one, kills) ?? nobodyElse(provider, one, kills);
  return answerOf(ports, one.version, seen, open);
}

/** A create without an answer may still appear; where keys carry no tag nobody can say which one it would be. */
function late(
  ports: ContainmentPorts,
  provider: BoundProvider,
  { refs, lateUntil }: FrozenVersion,
  kills: Kills,
): Trouble | undefined {
  if (lateUntil === 0) return undefined;
  if (!provider.traits.tagged && refs.length === 0 && kills.size === 0)
    return byPerson(
      `a create of it was never answered, and keys of target ${provider.target} carry no tag: look there for a key that nobody knows`,
    );
  const left = lateUntil + provider.traits.createSpread - ports.now();
  if (left <= 0) return undefined;
  return {
    code: 'AMBIGUOUS',
    why: 'a create of it may still appear',
    againIn: Math.min(left, lookAgain),
    person: false,
  };
}

/** Milliseconds between two looks for a create that may still appear. */
const lookAgain = 2_000;

function nobodyElse(
  provider: BoundProvider,
  { version, onlyByHand }: FrozenVersion,
  kills: Kills,
): Trouble | undefined {
  if (!onlyByHand || kills.size > 0) return undefined;
  return byPerson(
    `no API can kill version ${version}, whose key at target ${provider.target} nobody named: a person must find and revoke it in the provider's console`,
  );
}

const byPerson = (why: string): Trouble => ({ code: 'UNSUPPORTED', why, againIn: 60_000, person: true });

const answerOf = (
  ports: ContainmentPorts,
  version: VersionId,
  seen: readonly Ref[],
  trouble: Trouble | undefined,
): ContainAnswer => ({
  version,
  contained: trouble === undefined,
  seen,
  at: ports.now(),
  ...(trouble === undefined ? {} : { trouble }),
});
