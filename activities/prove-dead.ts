import { codeOf } from '../domain/errors.ts';
import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';
import { providerCall } from './calls.ts';
import type { ActivityPorts, BoundProvider, EntryPlace } from './ports.ts';
import { noControl, refusalCheck } from './refusal-check.ts';
import { ownEnvelope } from './world.ts';

export type DeathProof =
  | { readonly kind: 'dead'; readonly grade: 'refused' | 'absent' }
  | { readonly kind: 'not yet'; readonly why: string; readonly againIn: number };

/**
 * The refusal check: the version's own value is refused N times spread over the provider's window, while a control call
 * over the same path is accepted. Something that refuses everyone proves nothing. Without any copy of the value the
 * grade is `absent`: the list no longer shows it, and the control was accepted.
 */
export async function proveDead(
  ports: ActivityPorts,
  provider: BoundProvider,
  places: readonly EntryPlace[],
  facts: CredentialFacts,
  version: VersionFacts,
  signal: AbortSignal,
): Promise<DeathProof> {
  const envelope = await ownEnvelope(ports, provider, places, version, signal);
  const control = (): Promise<boolean> => controlAccepted(ports, provider, places, facts, version, signal);
  if (envelope === 'absent' && provider.traits.lists === false)
    return { kind: 'not yet', why: nothingTells, againIn: 3_600_000 };
  if (envelope === 'absent')
    return (await control()) ? { kind: 'dead', grade: 'absent' } : { kind: 'not yet', why: noControl, againIn: 2_000 };

  const proof = await refusalCheck({
    revokeSpread: provider.traits.revokeSpread,
    control,
    verify: () => provider.verify(envelope.material, providerCall(ports, provider.traits.callTimeout, signal)),
    counted: (answer) => ports.ledger.probed({ version: version.id, answer }),
    now: () => ports.ledger.clock(),
  });
  return proof.kind === 'dead'
    ? { kind: 'dead', grade: 'refused' }
    : { kind: 'not yet', why: proof.why, againIn: proof.againIn };
}

const nothingTells =
  'cannot tell: no copy of its value is left to ask with, and the provider lists no keys; look there, then run `keybaton release --alive`';

/** The survivor where one lives; never a doomed or watched version. Else the admin reference at the same host. */
async function controlAccepted(
  ports: ActivityPorts,
  provider: BoundProvider,
  places: readonly EntryPlace[],
  facts: CredentialFacts,
  version: VersionFacts,
  signal: AbortSignal,
): Promise<boolean> {
  const survivor = facts.versions.find((one) => one.id === facts.epochs[0]?.version);
  const call = () => providerCall(ports, provider.traits.callTimeout, signal);
  if (survivor !== undefined && survivor.id !== version.id && survivor.fate === 'current' && !survivor.compromised) {
    const envelope = await ownEnvelope(ports, provider, places, survivor, signal).catch(() => 'absent' as const);
    if (envelope !== 'absent') return (await provider.verify(envelope.material, call())) !== 'refused';
  }
  try {
    await provider.list(call());
    return true;
  } catch (thrown) {
    if (codeOf(thrown) === 'ACCESS_DENIED') return false;
    throw thrown;
  }
}
