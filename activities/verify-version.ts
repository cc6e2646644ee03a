import { mayBeSuspended } from '../domain/facts.ts';
import { done, startOver, wait, type Answer, type EffectInput } from '../domain/rotation.ts';
import { providerCall } from './calls.ts';
import { copiesOf } from './copies.ts';
import type { ActivityPorts } from './ports.ts';
import { nowhereStored } from './stage-later.ts';
import { ownEnvelope, versionOf } from './world.ts';

/**
 * Does the wanted version work? Resumes it first if it was suspended. Refused inside the provider's spread window is no
 * verdict yet; after it, a version that was never current is doomed, and one that was is alarmed and planned anew.
 */
export async function verifyVersion(
  ports: ActivityPorts,
  input: EffectInput,
  signal: AbortSignal,
): Promise<Answer<'accepted' | 'refused'>> {
  const facts = await ports.ledger.facts(input.credential);
  const version = versionOf(facts, input.version);
  if (version.compromised || version.fate === 'dead') return startOver('the version is not to be used any more');
  const provider = await ports.provider(version.target);
  const call = () => providerCall(ports, provider.traits.callTimeout, signal);
  if (mayBeSuspended(version)) await resume();

  const { kept, left } = await copiesOf(ports, facts, version);
  const envelope = await ownEnvelope(ports, provider, [...kept, ...left], version, signal);
  if (envelope === 'absent')
    return version.fate === 'current'
      ? nowhereStored(ports, facts, version)
      : startOver('no backend holds a staged copy of the version');
  if (version.everCurrent) await ports.ledger.ownProbe(version.id);
  const verdict = await provider.verify(envelope.material, call());
  if (verdict !== 'refused') return done('accepted');

  const issuedAt = Math.max(
    version.createdAt,
    ...version.intents
      .filter((intent) => intent.effect === 'issue' || intent.effect === 'resume')
      .map((intent) => intent.until),
  );
  const spread = issuedAt + provider.traits.createSpread - facts.now;
  if (spread > 0) return wait('refused so far; inside the time its creation takes to spread', Math.min(spread, 5_000));
  await ports.ledger.refused({
    version: version.id,
    why: 'the provider refused it after its creation had time to spread',
  });
  return version.everCurrent ? startOver('a version that was current is refused') : done('refused');

  async function resume(): Promise<void> {
    if (provider.resume === undefined) return;
    const epoch = facts.epochs[0]?.epoch ?? 0;
    for (const { ref } of version.refs) {
      await ports.ledger.intend({
        version: version.id,
        effect: 'resume',
        place: ref.id,
        epoch,
        within: provider.traits.callTimeout,
      });
      await provider.resume(ref, call());
    }
    await ports.ledger.resumed({ version: version.id, epoch });
  }
}
