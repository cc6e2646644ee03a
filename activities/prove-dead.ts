import { codeOf } from '../domain/errors.ts';
import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';
import { providerCall } from './calls.ts';
import type { ActivityPorts, BoundProvider, EntryPlace } from './ports.ts';
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
  const { revokeSpread } = provider.traits;
  const needed = revokeSpread === 0 ? 2 : 3;
  const apart = revokeSpread === 0 ? 0 : revokeSpread / (needed - 1);
  const envelope = await ownEnvelope(ports, provider, places, version, signal);
  const call = () => providerCall(ports, provider.traits.callTimeout, signal);
  const control = await controlAccepted(ports, provider, places, facts, version, signal);
  if (!control) return { kind: 'not yet', why: 'cannot tell: the control call is not accepted either', againIn: 2_000 };
  if (envelope === 'absent') return { kind: 'dead', grade: 'absent' };

  for (;;) {
    const verdict = await provider.verify(envelope.material, call());
    if (verdict !== 'refused') {
      await ports.ledger.probed({ version: version.id, answer: 'accepted' });
      return {
        kind: 'not yet',
        why: 'revoked, not yet dead: the provider still accepts it',
        againIn: Math.max(500, apart),
      };
    }
    const { count, firstAt } = await ports.ledger.probed({ version: version.id, answer: 'refused' });
    const spread = (await ports.ledger.clock()) - firstAt;
    if (count >= needed && spread >= revokeSpread) return { kind: 'dead', grade: 'refused' };
    if (revokeSpread > 0)
      return {
        kind: 'not yet',
        why: `revoked, not yet dead: refused ${count} of ${needed} times`,
        againIn: Math.max(apart, revokeSpread - spread),
      };
  }
}

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
