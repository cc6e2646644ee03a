import type { CredentialFacts, EvidenceFacts, VersionFacts } from '../domain/facts.ts';
import {
  backendsMiss,
  evidenceMiss,
  modeMiss,
  releasedUnproved,
  silenceMissing,
  silenceRemaining,
  survivorMiss,
  type GateMiss,
} from '../domain/gate.ts';
import { askAgainIn } from './ask-endpoints.ts';
import { askForEvidence, asksForEvidence } from './ask-evidence.ts';
import { endedByProvider } from './ended-by-provider.ts';
import { endOwnUse } from './own-use.ts';
import { placesOf, type ActivityPorts, type BoundProvider } from './ports.ts';
import { intervalOf, readOnce } from './watch-target.ts';
import { livenessOf, standings, versionOf } from './world.ts';

/** What GATE says of one doomed version now. `startOver`: the plan itself is out of date. */
export type GateAnswer =
  | { readonly kind: 'open' }
  | {
      readonly kind: 'miss';
      readonly miss: GateMiss;
      readonly againIn: number;
      /** How far the provider's signal is behind, where silence is missing; milliseconds. */
      readonly lag?: number;
    }
  | { readonly kind: 'mode'; readonly why: string }
  | { readonly kind: 'startOver'; readonly why: string };

const hourly = 3_600_000;

/**
 * Asks GATE in the order 3, 4, 1, 2, stopping at the first miss, so that no needless probe is made. The survivor is the
 * newest epoch's version. A retiring entry has none: lines 1 and 2 fall away, and a person must have released it.
 */
export async function askLines(
  ports: ActivityPorts,
  provider: BoundProvider,
  facts: CredentialFacts,
  version: VersionFacts,
  signal: AbortSignal,
): Promise<GateAnswer> {
  const newest = facts.epochs[0];
  if (newest === undefined) return { kind: 'startOver', why: 'no epoch was decided' };
  const retiring = facts.status !== 'managed';
  if (facts.requests.some((request) => request.kind === 'rollBack'))
    return { kind: 'startOver', why: 'a roll-back was requested' };
  if (!retiring && newest.version === version.id) return { kind: 'startOver', why: 'the version is current' };

  const released = releasedUnproved(facts.requests, newest.epoch);
  const unasked = released || retiring ? [] : await askForEvidence(ports, facts, signal);
  if (retiring) await endOwnUse(ports, facts);
  const evidence = await ports.ledger.evidence(facts.id);
  // A release speaks for what was missing when it was given, never for an instance that came later.
  const line3 = retiring ? leftMiss(evidence) : evidenceMiss(evidence, facts.now);
  if (line3 !== undefined) {
    const againIn = asksForEvidence(facts.entry) ? askAgainIn : hourly;
    return { kind: 'miss', miss: { line: 3, why: [line3.why, ...unasked].join('; ') }, againIn };
  }

  const line4 = released ? undefined : await silence(ports, provider, facts, version, signal);
  if (line4 !== undefined) return line4;

  if (retiring) {
    const asked = facts.requests.some((request) => request.kind === 'release' && request.release === 'retire');
    return asked
      ? { kind: 'open' }
      : { kind: 'mode', why: 'the entry is retiring: run `keybaton release --retire` to let its last version die' };
  }
  const line1 = backendsMiss(await standings(ports, await placesOf(ports, facts.entry), facts, signal));
  if (line1 !== undefined)
    return line1.why.includes('behind')
      ? { kind: 'startOver', why: line1.why }
      : { kind: 'miss', miss: line1, againIn: 15_000 };

  const survivor = versionOf(facts, newest.version);
  const line2 = survivorMiss(await livenessOf(ports, provider, await placesOf(ports, facts.entry), survivor, signal));
  if (line2 !== undefined) return { kind: 'startOver', why: line2.why };

  const mode = modeMiss(facts.observeOnly ? 'observe' : facts.entry.mode, facts.requests, newest.epoch);
  return mode === undefined ? { kind: 'open' } : { kind: 'mode', why: mode };
}

async function silence(
  ports: ActivityPorts,
  provider: BoundProvider,
  facts: CredentialFacts,
  version: VersionFacts,
  signal: AbortSignal,
): Promise<GateAnswer | undefined> {
  // No ref, no reading: the provider has no signal for a version that only a person can kill.
  if (version.onlyByHand) return undefined;
  const { usage } = provider.traits;
  const stored = await ports.ledger.watched(version.id);
  let why = silenceMissing(facts.entry.silence, stored, usage !== undefined);
  if (why === undefined) {
    if (usage === undefined || 'no' in facts.entry.silence) return undefined;
    // The last reading may be from before an outage: a use since then must be seen before this opens.
    const asked = ports.now();
    const answers = await Promise.all(
      version.refs.map(({ ref }) => readOnce(ports, provider, version.id, ref, intervalOf(facts.entry), signal)),
    );
    if (answers.length > 0 && answers.every((answer) => answer === 'gone')) return undefined;
    const fresh = await ports.ledger.watched(version.id);
    why =
      (fresh?.watchedUntil ?? 0) < asked - usage.lag
        ? 'the last use of the old version cannot be read now'
        : silenceMissing(facts.entry.silence, fresh, true);
    if (why === undefined) return undefined;
  }
  if (await endedByProvider(ports, provider, facts, version, signal)) return undefined;
  // Its watch may have ended with a killed worker; starting one that runs changes nothing.
  await ports.workflows.watchTarget(version.target);
  const remaining = silenceRemaining(facts.entry.silence, await ports.ledger.watched(version.id));
  const againIn = Math.min(hourly, Math.max(remaining, 100));
  return { kind: 'miss', miss: { line: 4, why }, againIn, lag: usage?.lag ?? 0 };
}

/** A retiring entry's line 3: every instance has left or is waived. */
function leftMiss(evidence: EvidenceFacts): GateMiss | undefined {
  const present = evidence.instances.filter(
    (one) =>
      !one.left &&
      !evidence.waivers.some(
        (waiver) =>
          waiver.consumer === one.consumer && (waiver.instance === undefined || waiver.instance === one.instance),
      ),
  );
  if (present.length === 0) return undefined;
  return {
    line: 3,
    why: `still in use by ${present
      .slice(0, 5)
      .map((one) => `${one.consumer}/${one.instance}`)
      .join(', ')}`,
  };
}
