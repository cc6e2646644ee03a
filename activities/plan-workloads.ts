import { formatDuration } from '../domain/duration.ts';
import type { CredentialFacts } from '../domain/facts.ts';
import { describe } from '../evidence/rollout.ts';
import { type ExternalSecretSeen, heedsForce } from '../evidence/rollout-external-secret.ts';
import { type Placed, placedConsumers } from './bring-out.ts';
import { backendCall } from './calls.ts';
import { checked, type CheckFinding } from './check-finding.ts';
import type { ActivityPorts } from './ports.ts';

type WorkloadPorts = Pick<ActivityPorts, 'clusters' | 'now'>;

/** What would keep a new version from the workloads of its consumers, asked of their clusters now. Changes nothing. */
export async function workloadFindings(
  ports: WorkloadPorts,
  facts: CredentialFacts,
  limit: number,
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  const found = placedConsumers(facts.entry).map((consumer) => {
    const subject = `consumer ${consumer.name}`;
    return checked(subject, limit, signal, (inner) => ask(ports, subject, consumer, facts, inner));
  });
  return (await Promise.all(found)).flat();
}

async function ask(
  { clusters, now }: WorkloadPorts,
  subject: string,
  consumer: Placed,
  facts: CredentialFacts,
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  if (clusters === undefined) {
    const text = `this process reaches no cluster: ${describe(consumer.kubernetes)} was not asked`;
    return [{ subject, verdict: 'cannot tell', text, remedy: 'plan where a worker runs' }];
  }
  const { kubernetes: place, demand, deadline } = consumer;
  const cluster = await clusters(place.cluster);
  const call = backendCall({ now }, signal);
  const findings: CheckFinding[] = [];
  if (place.externalSecret !== undefined) {
    const seen = await cluster.externalSecret(place, place.externalSecret, call);
    const what = `ExternalSecret ${place.namespace}/${place.externalSecret}`;
    findings.push(...syncFindings(subject, what, seen, { secret: place.secret, deadline }));
  }
  const secret = await cluster.secret(place, call);
  const named = `Secret ${place.namespace}/${place.secret}`;
  if (secret !== undefined && facts.epochs.length > 0 && (secret.version === undefined || secret.epoch === undefined))
    findings.push({
      subject,
      verdict: 'failure',
      text: `${named} lacks keybaton_version or keybaton_epoch: nothing shows which version its pods get`,
      remedy: 'let its ExternalSecret take all keys (dataFrom), or these two besides',
    });
  if (place.restart === 'rollout' || demand === 'rolled-out') {
    const workload = await cluster.workload(place, call);
    if (!workload.secrets.includes(place.secret))
      findings.push({
        subject,
        verdict: demand === 'rolled-out' ? 'failure' : 'warning',
        text: `${describe(place)} does not use ${named}: its roll-out would show nothing`,
        remedy: 'name the Secret that its pods use, or demand other evidence',
      });
    else if (workload.unsettled !== undefined)
      findings.push({
        subject,
        verdict: 'warning',
        text: `${describe(place)}: ${workload.unsettled}`,
        remedy: 'a rotation would wait for it: look at its roll-out first',
      });
    if (demand === 'rolled-out') await cluster.pods(place, workload, call);
  }
  const text = `${describe(place)} in cluster ${place.cluster} can be asked`;
  return findings.length > 0 ? findings : [{ subject, verdict: 'ok', text }];
}

function syncFindings(
  subject: string,
  what: string,
  seen: ExternalSecretSeen,
  { secret, deadline }: { readonly secret: string; readonly deadline: number },
): readonly CheckFinding[] {
  if (seen.secret !== secret)
    return [
      {
        subject,
        verdict: 'failure',
        text: `${what} keeps Secret ${seen.secret}, and the inventory names ${secret}`,
        remedy: `say secret: ${seen.secret}`,
      },
    ];
  const findings: CheckFinding[] = [];
  if (!heedsForce(seen))
    findings.push({
      subject,
      verdict: 'failure',
      text: `${what} never takes a new version: its policy is ${seen.policy}${seen.policy === 'Periodic' ? ' with an interval of 0' : ''}`,
      remedy: 'give it refreshPolicy: OnChange, or an interval',
    });
  else if (seen.policy === 'Periodic' && seen.interval > deadline)
    findings.push({
      subject,
      verdict: 'warning',
      text: `${what} is refreshed every ${formatDuration(seen.interval)}, later than the deadline for proof (${formatDuration(deadline)}): a new version is in time only as long as keybaton can tell it to sync`,
      remedy: 'give it a shorter refreshInterval, or the consumer a longer deadline',
    });
  if (seen.trouble !== undefined)
    findings.push({
      subject,
      verdict: 'warning',
      text: `${what} says ${seen.trouble}`,
      remedy: 'look at its events: it cannot read its store now',
    });
  return findings;
}
