import { z } from 'zod';
import type { Entry, EntryConsumer } from '../domain/entry.ts';
import { isKeybatonError } from '../domain/errors.ts';
import type { CredentialFacts, EpochFacts, EvidenceFacts } from '../domain/facts.ts';
import { askEndpoint, shownBy } from '../evidence/endpoint.ts';
import type { ActivityPorts } from './ports.ts';

/** What is read of targets.yml as applied: addresses are the platform team's, the inventory only names them. */
const applied = z.object({
  targets: z.record(z.string(), z.object({ probes: z.record(z.string(), z.string()).default({}) })),
});

type Asked = EntryConsumer & { readonly probe: string };

/**
 * Asks the probes of all consumers that must show `endpoint-reported`, records the instances that use the newest
 * epoch's version, and withdraws what was recorded of an instance that now uses another one. To be called before line 3
 * of GATE is read. Answers what could not be asked, for people: such a consumer's evidence stays as it was.
 */
export async function askEndpoints(
  ports: Pick<ActivityPorts, 'ledger'>,
  facts: CredentialFacts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { entry } = facts;
  const newest = facts.epochs[0];
  const asked = 'none' in entry.consumers ? [] : entry.consumers.filter(isAsked);
  if (newest === undefined || asked.length === 0) return [];
  const { targets } = applied.parse(await ports.ledger.appliedTargets());
  const probes = targets[entry.target]?.probes ?? {};
  const evidence = await ports.ledger.evidence(facts.id);
  const troubles = asked.map(async (consumer) => {
    const address = probes[consumer.probe];
    if (address === undefined)
      return `${consumer.name}: target ${entry.target} has no probe ${consumer.probe} any more`;
    try {
      await record(ports, { facts, newest, evidence, consumer: consumer.name }, address, signal);
      return undefined;
    } catch (error) {
      if (!isKeybatonError(error)) throw error;
      return `${consumer.name}: probe ${consumer.probe} could not be asked: ${error.message}`;
    }
  });
  return (await Promise.all(troubles)).filter((trouble) => trouble !== undefined);
}

/** Does anybody have to be asked? Then GATE is asked again at this pace (milliseconds), since no proof wakes it. */
export const askAgainIn = 15_000;

export function asksEndpoints({ consumers }: Entry): boolean {
  return !('none' in consumers) && consumers.some(isAsked);
}

interface About {
  readonly facts: CredentialFacts;
  readonly newest: EpochFacts;
  readonly evidence: EvidenceFacts;
  readonly consumer: string;
}

async function record(
  { ledger }: Pick<ActivityPorts, 'ledger'>,
  { facts, newest, evidence, consumer }: About,
  address: string,
  signal: AbortSignal,
): Promise<void> {
  const credential = facts.id;
  const { epoch } = newest;
  const kind = 'endpoint-reported';
  const reports = await askEndpoint({ probe: address, credential, signal });
  const shown = shownBy(reports, newest);
  const standing = new Set(
    evidence.evidence
      .filter((one) => one.consumer === consumer && one.kind === kind && !one.withdrawn)
      .map(({ instance }) => instance),
  );
  for (const instance of shown) {
    if (!standing.has(instance))
      await ledger.prove({ credential, epoch, consumer, instance, kind, actor: `probe:${consumer}` });
  }
  for (const { instance, version } of reports) {
    if (shown.includes(instance) || !standing.delete(instance)) continue;
    await ledger.withdraw({ credential, epoch, consumer, instance, what: 'fell-back', version });
  }
}

function isAsked(consumer: EntryConsumer): consumer is Asked {
  return consumer.demand === 'endpoint-reported' && consumer.probe !== undefined;
}
