import { KeybatonError } from '../../domain/errors.ts';
import type { FrozenVersion, ProveAnswer, Refusals, Trouble } from '../../domain/incident.ts';
import type { SecretMaterial } from '../../domain/secret-material.ts';
import type { LiveCredential, Verdict } from '../../providers/provider.ts';
import type { BoundProvider } from '../ports.ts';
import { noControl, refusalCheck, type RefusalProof } from '../refusal-check.ts';
import { stillListed } from '../refs-to-kill.ts';
import { openBatch, type Batch } from './batch.ts';
import { byTarget, inOrder } from './by-target.ts';
import { ownValues, type OwnValues } from './own-value.ts';
import type { ContainmentPorts } from './ports.ts';
import { troubleOf } from './trouble.ts';

export interface ProveVersion extends FrozenVersion {
  /** As the last answer gave them back. */
  readonly refusals?: Refusals;
}

export interface ProveInput {
  readonly incident: string;
  readonly versions: readonly ProveVersion[];
}

/**
 * Proves killed versions dead: the own value of each refused over the provider's window, nothing of it listed as live,
 * no create of it that may still appear, and a control call accepted beside it. Revokes nothing: what is still `listed`
 * must be contained again. Idempotent; answers one line per version, in order; throws for none; takes 15 s at the longest.
 */
export async function proveVersions(
  ports: ContainmentPorts,
  { versions }: ProveInput,
  signal: AbortSignal,
): Promise<readonly ProveAnswer[]> {
  const answers = await Promise.all(
    byTarget(versions).map(async ([target, some]) => {
      try {
        return await proveAt(ports, await ports.provider(target), some, signal);
      } catch (thrown) {
        return some.map((one) => cannotTell(one, troubleOf(thrown)));
      }
    }),
  );
  return inOrder(versions, answers.flat());
}

/**
 * Where a provider's window is this short, and the keys are few, one call sits it out, milliseconds: Temporal's timers
 * come up to a second late, and each of them would lengthen the life of a leaked key.
 */
const shortWindow = 5_000;
const fewKeys = 3;
/** Between two questions to a key that is still let in, milliseconds. */
const soon = 250;
/** Left of the batch's time at the least, so that what was learned is answered. */
const reserve = 4_000;
const mostQuestions = 30;

interface Proving {
  readonly signal: AbortSignal;
  readonly sitsOut: boolean;
  readonly ports: ContainmentPorts;
  readonly provider: BoundProvider;
  readonly batch: Batch;
  readonly values: OwnValues;
  readonly listed: readonly LiveCredential[];
}

async function proveAt(
  ports: ContainmentPorts,
  provider: BoundProvider,
  versions: readonly ProveVersion[],
  signal: AbortSignal,
): Promise<readonly ProveAnswer[]> {
  const batch = openBatch(ports, provider, signal);
  const listed = await batch.attempt((call) => provider.list(call));
  if ('trouble' in listed) return versions.map((one) => cannotTell(one, unlisted(listed.trouble)));
  const proving: Proving = {
    signal,
    sitsOut: provider.traits.revokeSpread <= shortWindow && versions.length <= fewKeys,
    ports,
    provider,
    batch,
    values: ownValues(ports, provider.name, signal),
    listed: listed.answer,
  };
  const answers: ProveAnswer[] = [];
  await batch.each(versions, async (one) => {
    answers.push(await proveOne(proving, one).catch((thrown: unknown) => cannotTell(one, troubleOf(thrown))));
  });
  return answers;
}

/** The admin reference is the control where no survivor lives, so a list that is refused is a control that is. */
const unlisted = (trouble: Trouble): Trouble => ({
  ...trouble,
  why: trouble.code === 'ACCESS_DENIED' ? `${noControl}: ${trouble.why}` : trouble.why,
});

async function proveOne(proving: Proving, one: ProveVersion): Promise<ProveAnswer> {
  const { ports, provider, listed } = proving;
  // Supplied by a person and never adopted: whoever the value belongs to, it is not ours to kill, nor to be asked about.
  if (provider.issue === undefined && one.refs.length === 0 && !one.onlyByHand)
    return { version: one.version, kind: 'dead', grade: 'absent', at: ports.now() };

  const value = await proving.values.of(one);
  const asked = value === undefined ? absence(proving, one) : await askThrough(proving, one, value);
  const { proof } = asked;
  if (proof.kind === 'accepted' || proof.kind === 'cannot tell') return notDead(one, proof, asked);

  const live = stillListed({ id: one.version, refs: one.refs }, listed, provider.installation);
  const left = live.filter(({ disabled }) => !disabled).length;
  if (left > 0) {
    const why = `${left} of its keys still listed as live`;
    return notDead(one, { kind: 'listed', why, againIn: 1_000 }, asked);
  }
  const late = one.lateUntil === 0 ? 0 : one.lateUntil + provider.traits.createSpread - ports.now();
  if (late > 0)
    return notDead(one, { kind: 'cannot tell', why: 'a create of it may still appear', againIn: late }, asked);
  if (proof.kind !== 'dead') return notDead(one, proof, asked);
  const grade = value === undefined || asked.survivorUnread === true ? 'absent' : 'refused';
  return { version: one.version, kind: 'dead', grade, at: ports.now() };
}

interface NotDead {
  readonly kind: 'accepted' | 'refused' | 'listed' | 'cannot tell';
  readonly why: string;
  readonly againIn: number;
}

interface Asked {
  readonly proof: RefusalProof;
  readonly refusals: Refusals | undefined;
  readonly trouble?: Trouble;
  /** A survivor lives and could not be asked with: the admin reference stood in, which is enough for `absent` alone. */
  readonly survivorUnread?: boolean;
  readonly unaskable?: true;
}

/** Asks again here instead of in a later call, where that is soon over. */
async function askThrough(proving: Proving, one: ProveVersion, value: SecretMaterial): Promise<Asked> {
  const { ports, provider, batch, signal, sitsOut } = proving;
  const until = ports.now() + provider.traits.revokeSpread + soon;
  let asked = await askWith(proving, one, value);
  for (let asks = 1; sitsOut && asks < mostQuestions && batch.left() > reserve; asks += 1) {
    const { proof, refusals } = asked;
    const lives = proof.kind === 'accepted' && ports.now() < until;
    if (!lives && proof.kind !== 'refused') return asked;
    await ports.sleep(lives ? soon : proof.againIn, signal);
    const { refusals: _before, ...again } = one;
    asked = await askWith(proving, refusals === undefined ? again : { ...again, refusals }, value);
  }
  return asked;
}

async function askWith(proving: Proving, one: ProveVersion, value: SecretMaterial): Promise<Asked> {
  const { ports, provider, batch } = proving;
  let refusals = one.refusals?.of === undefined ? one.refusals : undefined;
  let failed: Trouble | undefined;
  const survivor = await survivorOf(proving, one);
  const once = async (material: SecretMaterial): Promise<Verdict> => {
    const tried = await batch.ask((call) => provider.verify(material, call));
    if ('answer' in tried) return tried.answer;
    failed = tried.trouble;
    throw new KeybatonError('UNAVAILABLE', tried.trouble.why);
  };
  try {
    const proof = await refusalCheck({
      revokeSpread: provider.traits.revokeSpread,
      control: async () => typeof survivor === 'string' || (await once(survivor)) !== 'refused',
      verify: () => once(value),
      async counted(said) {
        const counted =
          said === 'accepted'
            ? { count: 0, firstAt: ports.now() }
            : { count: (refusals?.count ?? 0) + 1, firstAt: refusals?.firstAt ?? ports.now() };
        refusals = said === 'accepted' ? undefined : counted;
        return counted;
      },
      now: async () => ports.now(),
    });
    return { proof, refusals, survivorUnread: survivor === 'unread' };
  } catch (thrown) {
    const trouble = failed ?? troubleOf(thrown);
    return { proof: { kind: 'cannot tell', why: trouble.why, againIn: trouble.againIn }, refusals, trouble };
  }
}

/** What must be accepted over the same path. Without it the admin reference is, which has just listed at the same host. */
async function survivorOf(
  { values }: Proving,
  { credential, version, control }: ProveVersion,
): Promise<SecretMaterial | 'none' | 'unread'> {
  if (control === undefined || control.version === version) return 'none';
  return (await values.of({ credential, ...control })) ?? 'unread';
}

/** Without a value to ask with: unlisted for as long as the provider's window, by a list that was answered. */
function absence({ ports, provider }: Proving, one: ProveVersion): Asked {
  const unlistable = provider.traits.lists === false;
  const nameless = unlistable || (one.refs.length === 0 && (one.onlyByHand || !provider.traits.tagged));
  if (nameless) {
    const why = 'cannot tell: no copy of its value can be read, and nothing says which key at the provider it is';
    return { proof: { kind: 'cannot tell', why, againIn: 60_000 }, refusals: undefined, unaskable: true };
  }
  const before = one.refusals?.of === 'absence' ? one.refusals : undefined;
  const firstAt = before?.firstAt ?? ports.now();
  const refusals: Refusals = { count: (before?.count ?? 0) + 1, firstAt, of: 'absence' };
  const left = firstAt + provider.traits.revokeSpread - ports.now();
  if (left <= 0) return { proof: { kind: 'dead' }, refusals };
  const why = 'revoked, not yet dead: no copy of its value can be read, and the revocation may still be spreading';
  return { proof: { kind: 'refused', why, againIn: left }, refusals };
}

function notDead(one: ProveVersion, proof: NotDead, { refusals, trouble, unaskable }: Asked): ProveAnswer {
  return {
    version: one.version,
    kind: proof.kind,
    why: proof.why,
    againIn: proof.againIn,
    refusals,
    ...(trouble === undefined ? {} : { trouble }),
    ...(unaskable === undefined ? {} : { unaskable }),
  };
}

function cannotTell(one: ProveVersion, trouble: Trouble): ProveAnswer {
  return {
    version: one.version,
    kind: 'cannot tell',
    why: trouble.why,
    againIn: trouble.againIn,
    refusals: one.refusals,
    trouble,
  };
}
