import type { CredentialFacts } from '../domain/facts.ts';
import { describeMissing, missingEvidence } from '../domain/gate.ts';
import type { LiveCredential } from '../providers/provider.ts';
import type { CheckFinding } from './check-finding.ts';
import type { ActivityPorts, BoundProvider } from './ports.ts';

/** What people have asked, and what the entry says, that stops a rotation. */
export function requestFindings(facts: CredentialFacts): readonly CheckFinding[] {
  const subject = facts.id;
  const stops = facts.requests
    .filter(({ kind }) => kind === 'pause' || kind === 'freeze')
    .map(({ kind, credential, who, why }): CheckFinding => ({
      subject,
      verdict: 'failure',
      text: `${kind === 'pause' ? 'paused' : 'frozen'} by ${who}: ${why}`,
      remedy: `keybaton ${kind === 'pause' ? 'unpause' : 'thaw'}${credential === undefined ? '' : ` ${credential}`}`,
    }));
  const findings: CheckFinding[] = [...stops];
  if (facts.observeOnly)
    findings.push({
      subject,
      verdict: 'failure',
      text: 'the ledger was restored or cloned, and only observes until a person has confirmed it: nothing is issued',
      remedy: 'compare the ledger with what lives at the providers, then confirm it',
    });
  if (facts.status !== 'managed')
    findings.push({
      subject,
      verdict: 'warning',
      text: `it is ${facts.status}: nothing new is issued for it`,
      remedy: 'put it back into the inventory and apply, or let it end with keybaton release --retire',
    });
  else if (facts.entry.mode === 'observe')
    findings.push({
      subject,
      verdict: 'warning',
      text: 'mode is observe: a rotation asks consumers to prove the current version and issues nothing',
      remedy: 'say mode: ask or mode: automatic in the inventory when the proofs come in',
    });
  return findings;
}

/** Live keys under our mark that the ledger does not have, and keys of nobody where only ours may be. */
export async function strayFindings(
  ports: ActivityPorts,
  provider: BoundProvider,
  listed: readonly LiveCredential[],
): Promise<readonly CheckFinding[]> {
  const subject = `target ${provider.target}`;
  const refs = await ports.ledger.refsOfTarget(provider.target);
  const known = (live: LiveCredential): boolean =>
    refs.some(
      ({ version, ref, dead }) =>
        !dead && (version === live.tag?.version || (ref.id === live.ref.id && ref.mark === live.ref.mark)),
    );
  const strays = listed.filter((live) => live.tag?.installation === provider.installation && !known(live));
  const unmanaged = listed.filter((live) => live.tag === undefined && !known(live));
  const findings: CheckFinding[] = [];
  if (strays.length > 0)
    findings.push({
      subject,
      verdict: 'warning',
      text: `${strays.length} live with our mark that the ledger does not know as live: ${names(strays)}`,
      remedy:
        'look at them at the provider: a create that is still under way, or a ledger that was restored, explains them',
    });
  if (!provider.traits.tagged && unmanaged.length > 0)
    findings.push({
      subject,
      verdict: 'failure',
      text: `keys cannot be told apart here, and ${unmanaged.length} live that keybaton did not make: ${names(unmanaged)}`,
      remedy: 'give keybaton a project or account of its own, or import what is in use and remove the rest',
    });
  return findings;
}

const names = (keys: readonly LiveCredential[]): string =>
  `${keys
    .slice(0, 5)
    .map(({ ref }) => ref.id)
    .join(', ')}${keys.length > 5 ? `, and ${keys.length - 5} more` : ''}`;

export function silenceFindings({ entry }: CredentialFacts, provider: BoundProvider): readonly CheckFinding[] {
  if ('no' in entry.silence || provider.traits.usage !== undefined) return [];
  return [
    {
      subject: `target ${provider.target}`,
      verdict: 'warning',
      text: 'this provider does not tell when a key was last used: the proofs of the consumers alone let the old version die',
      remedy: 'say silence: {no: the reason} in the inventory, so that everybody knows',
    },
  ];
}

/** Who would owe proof, and cannot give it as things are. */
export async function consumerFindings(ports: ActivityPorts, facts: CredentialFacts): Promise<readonly CheckFinding[]> {
  const { consumers } = facts.entry;
  if ('none' in consumers) return [];
  if (consumers.length === 0)
    return [
      {
        subject: facts.id,
        verdict: 'failure',
        text: 'no consumer is declared: a rotation would be held before it revokes anything',
        remedy: 'add consumers to the entry, or consumers: {none: the reason}',
      },
    ];
  if (facts.epochs.length === 0) return [];
  const evidence = await ports.ledger.evidence(facts.id);
  const unseen = consumers
    .filter(
      // The roll-out speaks for all pods: none of them registers.
      ({ name, kind, demand }) =>
        kind === 'service' &&
        demand !== 'rolled-out' &&
        !evidence.instances.some((one) => one.consumer === name && !one.left),
    )
    .map(({ name }): CheckFinding => ({
      subject: `consumer ${name}`,
      verdict: 'warning',
      text: 'no instance has registered in this epoch: a rotation would wait for it',
      remedy: 'look whether it runs with the SDK and its token, or waive it by name',
    }));
  const owing = missingEvidence(evidence, facts.now).map((missing): CheckFinding => ({
    subject: `consumer ${missing.consumer}`,
    verdict: 'warning',
    text: `owes proof of the current version already: ${describeMissing(missing)}`,
    remedy: 'look why it has not proved what it uses now; it would not prove the next one either',
  }));
  return [...unseen, ...owing.filter(({ subject }) => !unseen.some((one) => one.subject === subject))];
}
