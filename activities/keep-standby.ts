import { codeOf, isKeybatonError } from '../domain/errors.ts';
import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';
import type { VersionId } from '../domain/identifiers.ts';
import { spareOf } from '../domain/plan.ts';
import { providerCall } from './calls.ts';
import { planNewVersion } from './plan-new-version.ts';
import type { ActivityPorts, BoundProvider, EntryPlace } from './ports.ts';
import { ownEnvelope } from './world.ts';

/** What a run has tried for the spare version: a few tries each, so that no rotation stands in line behind it. */
export interface Refill {
  readonly tries: number;
  /** Why the last one came to nothing. */
  readonly trouble: string | undefined;
}

export type Spare =
  /** None is wanted, or it stands ready, or people have been told why not. */
  | { readonly kind: 'settled' }
  | { readonly kind: 'refill'; readonly version: VersionId }
  /** The one that stood by is doomed now. */
  | { readonly kind: 'doomed'; readonly why: string };

const mostTries = 2;

/**
 * Asked when nothing else is owed. The version that stands by is used harmlessly, with the value that is stored: one that is
 * refused, or of which no copy is left, is doomed. A missing one is given an id, for the run to issue. Trouble of any kind
 * is told to people (`standby/missing`) and never thrown: a spare never fails what it is a spare for.
 */
export async function keepStandby(
  ports: ActivityPorts,
  facts: CredentialFacts,
  provider: BoundProvider,
  places: readonly EntryPlace[],
  refill: Refill,
  signal: AbortSignal,
): Promise<Spare> {
  if (!wantsStandby(facts)) return cured(ports, facts);
  const spare = spareOf(facts);
  if (spare?.issued === true) {
    const found = await serves(ports, provider, places, facts, spare, signal);
    if (found === 'ready') return cured(ports, facts);
    if (found.kind === 'cannot tell') return told(ports, facts, `it cannot be verified: ${found.why}`);
    await ports.ledger.refused({ version: spare.id, why: found.why });
    await told(ports, facts, found.why);
    return { kind: 'doomed', why: found.why };
  }
  if (refill.tries >= mostTries) return told(ports, facts, refill.trouble ?? 'none could be made');
  if (spare !== undefined) return { kind: 'refill', version: spare.id };
  try {
    const planned = await planNewVersion(ports, facts, provider, true, signal, 'standby');
    if (planned.kind === 'done' && planned.result !== undefined) return { kind: 'refill', version: planned.result };
    return await told(ports, facts, planned.kind === 'done' ? 'the target has no room for it' : planned.reason);
  } catch (thrown) {
    return told(ports, facts, whyOf(thrown));
  }
}

function wantsStandby({ status, entry, observeOnly, epochs }: CredentialFacts): boolean {
  return status === 'managed' && entry.standby && entry.mode !== 'observe' && !observeOnly && epochs.length > 0;
}

type Found = 'ready' | { readonly kind: 'refused' | 'cannot tell'; readonly why: string };

async function serves(
  ports: ActivityPorts,
  provider: BoundProvider,
  places: readonly EntryPlace[],
  facts: CredentialFacts,
  spare: VersionFacts,
  signal: AbortSignal,
): Promise<Found> {
  try {
    const envelope = await ownEnvelope(ports, provider, places, spare, signal);
    if (envelope === 'absent') return { kind: 'refused', why: 'no backend holds its staged copy any more' };
    const verdict = await provider.verify(envelope.material, providerCall(ports, provider.traits.callTimeout, signal));
    if (verdict !== 'refused') return 'ready';
  } catch (thrown) {
    return { kind: 'cannot tell', why: whyOf(thrown) };
  }
  // Counted from its making: what is refused after that was never accepted, or is no longer.
  const settled = spare.createdAt + provider.traits.createSpread;
  return facts.now < settled
    ? { kind: 'cannot tell', why: 'refused so far; inside the time its creation takes to spread' }
    : { kind: 'refused', why: 'the provider refuses it' };
}

async function told(ports: ActivityPorts, facts: CredentialFacts, why: string): Promise<Spare> {
  const text = `no spare version stands ready: ${why}`;
  const page = facts.entry.emergency.policy === 'standby';
  await ports.ledger.alarm({ credential: facts.id, key: 'standby/missing', text, page });
  return { kind: 'settled' };
}

async function cured(ports: ActivityPorts, facts: CredentialFacts): Promise<Spare> {
  await ports.ledger.cure({ credential: facts.id, keyPrefix: 'standby/' });
  return { kind: 'settled' };
}

const whyOf = (thrown: unknown): string =>
  isKeybatonError(thrown) ? `${thrown.code}: ${thrown.message}` : codeOf(thrown);
