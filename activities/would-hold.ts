import { evidenceMiss } from '../domain/gate.ts';
import type { CredentialFacts } from '../domain/facts.ts';
import { proveOwnUse } from './own-use.ts';
import type { ActivityPorts, BoundProvider } from './ports.ts';

/**
 * What a rotation of this credential would have waited for, judged by who proved the *current* version: what a
 * rehearsal and mode `observe` report. Makes nothing.
 */
export async function wouldHold(
  ports: ActivityPorts,
  provider: BoundProvider,
  facts: CredentialFacts,
  signal: AbortSignal,
): Promise<string> {
  const newest = facts.epochs[0];
  if (newest === undefined) return 'no version is managed yet: the first rotation waits for nobody';
  // Nobody else asks keybaton for its own proof before a rotation waits for it.
  const unproved = await proveOwnUse(ports, facts, signal);
  const miss = evidenceMiss(await ports.ledger.evidence(facts.id), facts.now);
  const silence =
    provider.traits.usage === undefined && 'for' in facts.entry.silence
      ? 'the provider shows no use: silence cannot be told'
      : undefined;
  const found = [miss?.why, ...unproved, silence].filter((one) => one !== undefined);
  return found.length === 0
    ? `every consumer has proved the current version of epoch ${newest.epoch}: a rotation would not be held`
    : `a rotation would be held: ${found.join('; ')}`;
}
