import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';
import { evidenceMiss } from '../domain/gate.ts';
import { done, wait, type Answer, type AwaitInput } from '../domain/rotation.ts';
import { askAgainIn } from './ask-endpoints.ts';
import { askForEvidence, asksForEvidence } from './ask-evidence.ts';
import { placesOf, type ActivityPorts } from './ports.ts';
import { standings, versionOf } from './world.ts';

/** Milliseconds after which a run that has no replacement yet looks again. */
const soon = 5_000;

/**
 * replace-first: a leaked version waits for its replacement to be current in every backend and for the evidence of every
 * consumer (line 3 of GATE, and nothing else of it), never longer than its bound.
 */
export async function awaitReplacement(
  ports: ActivityPorts,
  input: AwaitInput,
  signal: AbortSignal,
): Promise<Answer<null>> {
  if (input.remaining <= 0) return done(null);
  const facts = await ports.ledger.facts(input.credential);
  const version = versionOf(facts, input.version);
  if (version.fate === 'dead' || version.fate === 'released' || version.killBegun) return done(null);
  const miss = await missing(ports, input, facts, version, signal);
  if (miss === undefined) return done(null);
  const asked = asksForEvidence(facts.entry) ? askAgainIn : input.remaining;
  const againIn = Math.min(input.remaining, miss.replaced ? asked : soon);
  return wait(
    `killed in ${Math.ceil(input.remaining / 1_000)} s whatever is missing: ${miss.why}`,
    againIn,
    'confirming',
  );
}

async function missing(
  ports: ActivityPorts,
  input: AwaitInput,
  facts: CredentialFacts,
  version: VersionFacts,
  signal: AbortSignal,
): Promise<{ readonly why: string; readonly replaced: boolean } | undefined> {
  const survivor = facts.versions.find((one) => one.id === facts.epochs[0]?.version);
  const leaked = survivor === undefined || survivor.compromised || input.compromised.includes(survivor.id);
  if (leaked || survivor.id === version.id) return { why: 'it has no replacement yet', replaced: false };
  const behind = [...(await standings(ports, await placesOf(ports, facts.entry), facts, signal))].filter(
    ([, standing]) => standing !== 'in-sync',
  );
  if (behind.length > 0)
    return { why: behind.map(([name, standing]) => `backend ${name} is ${standing}`).join('; '), replaced: false };
  const unasked = await askForEvidence(ports, facts, signal);
  const miss = evidenceMiss(await ports.ledger.evidence(facts.id), facts.now);
  return miss && { why: [miss.why, ...unasked].join('; '), replaced: true };
}
