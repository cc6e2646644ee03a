import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';
import { startOver, type Answer } from '../domain/rotation.ts';
import { providerCall } from './calls.ts';
import { placesOf, type ActivityPorts, type BoundProvider } from './ports.ts';
import { liveOf, livenessOf } from './world.ts';

/** Milliseconds for which a provider may refuse everyone before its refusal of the survivor is believed. */
const believed = 300_000;

/**
 * Whether a revoked version is dead cannot be told, since what must be accepted is refused too. People are told. Where it
 * is the survivor that is gone (or refused for long), the answer is to plan anew: it is replaced, and its successor is asked.
 */
export async function withoutControl(
  ports: ActivityPorts,
  provider: BoundProvider,
  facts: CredentialFacts,
  version: VersionFacts,
  signal: AbortSignal,
): Promise<Answer<never> | undefined> {
  const key = `control/${version.id}`;
  const survivor = facts.versions.find((one) => one.id === facts.epochs[0]?.version);
  const asked = survivor !== undefined && survivor.id !== version.id && survivor.fate === 'current';
  if (!asked || survivor.compromised) {
    await alarm('the admin credential of its target is denied: look at it, and at the provider');
    return undefined;
  }
  const places = await placesOf(ports, facts.entry);
  const liveness = await livenessOf(ports, provider, places, survivor, signal);
  if (liveness === 'live') return undefined;
  // It was verified before it was decided on: inside its spread window a refusal is no verdict.
  if (facts.now < (facts.epochs[0]?.decidedAt ?? 0) + provider.traits.createSpread) return undefined;

  const listed = await provider.list(providerCall(ports, provider.traits.callTimeout, signal));
  const stands = liveOf(survivor, listed, provider.installation).some((one) => !one.disabled);
  const raised = (await ports.ledger.openAlarms(facts.id)).find((one) => one.key === key)?.raisedAt ?? facts.now;
  await alarm(`what is current, ${survivor.id}, is refused too${stands ? ', although the provider lists it' : ''}`);
  return stands && facts.now - raised < believed ? undefined : startOver('the survivor is refused');

  async function alarm(why: string): Promise<void> {
    const text = `cannot tell whether version ${version.id} is dead: ${why}`;
    await ports.ledger.alarm({ credential: facts.id, key, text, page: true });
  }
}
