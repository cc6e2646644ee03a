import { codeOf } from '../domain/errors.ts';
import { done, startOver, wait, type Answer, type EffectInput } from '../domain/rotation.ts';
import { backendCall, backendTimeout, providerCall } from './calls.ts';
import { placesOf, type ActivityPorts } from './ports.ts';
import { liveOf, stagedEnvelope, versionOf } from './world.ts';
import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';

/**
 * Erases every copy of a dead version's material, the staged one too, and looks once more for a late create under its
 * tag. A version that is not proved dead is left alone: its value is what proves it.
 */
export async function destroyVersion(
  ports: ActivityPorts,
  input: EffectInput,
  signal: AbortSignal,
): Promise<Answer<null>> {
  const facts = await ports.ledger.facts(input.credential);
  const version = versionOf(facts, input.version);
  if (version.fate === 'released') return done(null);
  if (version.fate !== 'dead') {
    const copy = await copyThatMayBeLeft(ports, facts, version, signal);
    if (copy !== undefined) return copy;
  }

  if (version.refs.length > 0 || version.intents.some((intent) => intent.effect === 'issue')) {
    const provider = await ports.provider(version.target);
    const twins = liveOf(
      version,
      await provider.list(providerCall(ports, provider.traits.callTimeout, signal)),
      provider.installation,
    ).filter((live) => !live.disabled);
    for (const twin of twins) {
      await ports.ledger.refSeen({ version: version.id, ref: twin.ref });
      await provider.revoke(twin.ref, providerCall(ports, provider.traits.callTimeout, signal));
    }
    if (twins.length > 0) return wait('a late create was found and revoked; looking again', 500);
  }
  for (const at of await placesOf(ports, facts.entry)) {
    await ports.ledger.intend({ version: version.id, effect: 'destroy', place: at.name, within: backendTimeout });
    try {
      await at.backend.destroy(at.place, version.id, backendCall(ports, signal));
    } catch (thrown) {
      if (codeOf(thrown) === 'CONFLICT') return startOver(`backend ${at.name} still shows the version as current`);
      throw thrown;
    }
    await ports.ledger.destroyed({ version: version.id, backend: at.name });
  }
  await ports.ledger.cure({ credential: facts.id, keyPrefix: 'effect/' });
  return done(null);
}

/**
 * Not listed any more, and no value to ask with: `absent` is death once every place that had a copy has answered that it
 * has none. A copy where nobody can look leaves it doomed, and people are told.
 */
async function copyThatMayBeLeft(
  ports: ActivityPorts,
  facts: CredentialFacts,
  version: VersionFacts,
  signal: AbortSignal,
): Promise<Answer<never> | undefined> {
  if (version.dead === undefined) return startOver('the version is not proved dead');
  const places = await placesOf(ports, facts.entry);
  const unseen = version.copies.find(
    (copy) => !copy.gone && !places.some((at) => at.name === copy.backend && at.backend.readable),
  );
  if (unseen !== undefined) {
    const text = `version ${version.id} is listed no more, but backend ${unseen.backend} may hold its value at ${unseen.path}, where nobody can ask with it: erase it there, then run \`keybaton release --alive\``;
    await ports.ledger.alarm({ credential: facts.id, key: `held/copy/${version.id}`, text, page: true });
    return wait(text, 3_600_000, 'held');
  }
  if ((await stagedEnvelope(ports, places, version.id, signal)) === 'absent') return undefined;
  return startOver('a copy of its value is left to ask with');
}
