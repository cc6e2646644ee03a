import type { Entry, EntryConsumer, WorkloadPlace } from '../domain/entry.ts';
import { isKeybatonError } from '../domain/errors.ts';
import type { CredentialFacts, EpochFacts, EvidenceFacts } from '../domain/facts.ts';
import { describe, judgeRollout, marked, secretMiss } from '../evidence/rollout.ts';
import type { Cluster } from '../evidence/rollout-cluster.ts';
import { heedsForce } from '../evidence/rollout-external-secret.ts';
import { backendCall } from './calls.ts';
import type { ActivityPorts } from './ports.ts';

export type Placed = EntryConsumer & { readonly kubernetes: WorkloadPlace };
export type BringOutPorts = Pick<ActivityPorts, 'ledger' | 'clusters' | 'now'>;

/** Those of its consumers whose workload in a cluster is told of new versions. */
export function placedConsumers({ consumers }: Pick<Entry, 'consumers'>): readonly Placed[] {
  return 'none' in consumers ? [] : consumers.filter((one): one is Placed => one.kubernetes !== undefined);
}

/** Does anybody have to be nudged, or looked at, until a version is out? */
export const bringsOut = (entry: Pick<Entry, 'consumers'>): boolean => placedConsumers(entry).length > 0;

/** Milliseconds for one pass over all of them: promoting does not wait for a cluster. */
const patience = 8_000;
/** Milliseconds after which an ExternalSecret that was told to sync, and did not, is told again. */
const forceAgain = 60_000;

/**
 * One pass over the workloads of this credential's consumers: the ExternalSecret is told to sync until its Secret shows the
 * newest epoch's version, then the workload is restarted where keybaton is to do it, then `rolled-out` is recorded where it is
 * demanded and every pod shows it. Each step is taken from what stands in the cluster now, so that a pass may be repeated, and
 * taken up by another worker, at any time. What was recorded is withdrawn when the Secret shows another version again.
 * Answers, for people, what is not out yet; a cluster that cannot be asked changes nothing.
 */
export async function bringOut(
  ports: BringOutPorts,
  facts: CredentialFacts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const newest = facts.epochs[0];
  const placed = placedConsumers(facts.entry);
  if (newest === undefined || placed.length === 0) return [];
  const { clusters } = ports;
  if (clusters === undefined) return ['this process reaches no cluster'];
  const evidence = await ports.ledger.evidence(facts.id);
  const told = placed.map(async (consumer) => {
    try {
      const cluster = await clusters(consumer.kubernetes.cluster);
      const missing = await pass({ ports, facts, newest, evidence, consumer, cluster, signal });
      return missing === undefined ? undefined : `${consumer.name}: ${missing}`;
    } catch (error) {
      if (!isKeybatonError(error)) throw error;
      return `${consumer.name}: ${error.message}`;
    }
  });
  return (await Promise.all(told)).filter((missing) => missing !== undefined);
}

interface About {
  readonly ports: BringOutPorts;
  readonly facts: CredentialFacts;
  readonly newest: EpochFacts;
  readonly evidence: EvidenceFacts;
  readonly consumer: Placed;
  readonly cluster: Cluster;
  readonly signal: AbortSignal;
}

/** What this consumer's workload lacks; undefined: nothing that is asked of it. */
async function pass(about: About): Promise<string | undefined> {
  const { ports, newest, consumer, cluster, signal } = about;
  const { kubernetes: place, demand } = consumer;
  const call = backendCall(ports, signal, patience);
  const secret = await cluster.secret(place, call);
  const miss = secretMiss(place, secret, newest);
  if (miss !== undefined) {
    // A later epoch than ours was decided meanwhile: its own run brings it out.
    if ((secret?.epoch ?? 0) > newest.epoch) return miss;
    await takeBack(about);
    const forced = place.externalSecret === undefined ? undefined : await force(about, place.externalSecret);
    return forced === undefined ? miss : `${miss}; ${forced}`;
  }
  const shows = demand === 'rolled-out' && !standing(about);
  if (place.restart !== 'rollout' && !shows) return undefined;
  const workload = await cluster.workload(place, call);
  if (place.restart === 'rollout' && !marked(workload.template, newest)) {
    if ((workload.template.epoch ?? 0) > newest.epoch) return `${describe(place)} is marked with a later epoch`;
    await cluster.restart(place, workload, newest, call);
    return shows ? `${describe(place)} was told to restart its pods` : undefined;
  }
  if (!shows) return undefined;
  const pods = await cluster.pods(place, workload, call);
  const shown = judgeRollout({ place, secret, workload, pods, now: ports.now() }, newest);
  if (shown.kind === 'not yet') return shown.why;
  await ports.ledger.prove({
    credential: about.facts.id,
    epoch: newest.epoch,
    consumer: consumer.name,
    kind: 'rolled-out',
    actor: `cluster:${place.cluster}`,
    why: `all ${String(shown.pods)} pods of ${describe(place)} are newer than what Secret ${place.secret} shows`,
  });
  return undefined;
}

const standing = ({ evidence, consumer }: About): boolean =>
  evidence.evidence.some(
    ({ consumer: name, instance, kind, withdrawn }) =>
      name === consumer.name && instance === undefined && kind === 'rolled-out' && !withdrawn,
  );

/** The Secret was set back after everybody ran with the new version: whoever starts now gets the old one. */
async function takeBack(about: About): Promise<void> {
  if (!standing(about)) return;
  const { ports, facts, newest, consumer } = about;
  const { kind, name } = consumer.kubernetes.workload;
  await ports.ledger.withdraw({
    credential: facts.id,
    epoch: newest.epoch,
    consumer: consumer.name,
    instance: `${kind}/${name}`,
    what: 'fell-back',
  });
}

/** What stands in the way of the ExternalSecret's syncing, for people. */
async function force({ ports, facts, newest, consumer, cluster, signal }: About, name: string): Promise<string> {
  const place = consumer.kubernetes;
  const call = backendCall(ports, signal, patience);
  const seen = await cluster.externalSecret(place, name, call);
  const what = `ExternalSecret ${place.namespace}/${name}`;
  if (seen.secret !== place.secret) return `${what} keeps Secret ${seen.secret}, not ${place.secret}`;
  if (!heedsForce(seen))
    return `${what} does not sync when told (${seen.policy}): give it an interval, or refreshPolicy OnChange`;
  const tried = Math.max(0, Math.floor((facts.now - newest.decidedAt) / forceAgain));
  const value = `keybaton-${String(newest.epoch)}-${String(tried)}`;
  if (seen.forced !== value) await cluster.forceSync(place, name, value, call);
  return seen.trouble === undefined ? `${what} was told to sync` : `${what} was told to sync, and says ${seen.trouble}`;
}
