import type { EntryConsumer } from '../../domain/entry.ts';
import { codeOf, KeybatonError } from '../../domain/errors.ts';
import type { CredentialFacts, EvidenceFacts } from '../../domain/facts.ts';
import { describeMissing, missingEvidence } from '../../domain/gate.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import type { ConsumerTokens } from '../access/consumer-tokens.ts';
import type { Checks, ControlPorts, Finding } from '../ports.ts';

export interface ConsumerView {
  readonly credential: CredentialId;
  readonly consumer: string;
  /** The newest epoch and its version; `null`: nothing was promoted. */
  readonly epoch: number | null;
  readonly version: string | null;
  /** What each instance is known to use. */
  readonly holds: readonly { readonly instance: string; readonly version: string; readonly epoch: number }[];
  readonly findings: readonly Finding[];
}

/** Milliseconds before a token ends at which people are told. */
const tokenEndsSoon = 14 * 86_400_000;

/**
 * What keybaton knows of a consumer's wiring now: its token, instances, evidence, and what its endpoint answers. Writes
 * nothing, so no rotation is moved by it. NOT_FOUND when the inventory names no such consumer.
 */
export async function checkConsumer(
  { ledger, checks }: Pick<ControlPorts, 'ledger'> & { readonly checks: Pick<Checks, 'endpoint'> },
  tokens: ConsumerTokens | undefined,
  input: { readonly credential: CredentialId; readonly consumer: string },
): Promise<ConsumerView> {
  const { credential, consumer } = input;
  const facts = await ledger.facts(credential);
  const entry = consumerOf(facts, consumer);
  const now = await ledger.clock();
  const newest = facts.epochs[0];
  const findings: Finding[] = [
    { subject: 'inventory', verdict: 'ok', text: `${consumer} is a ${entry.kind} and must show ${entry.demand}` },
    ...(entry.demand === 'possession' ? await tokenFindings(tokens, input, now) : []),
  ];
  const common = { credential, consumer, epoch: newest?.epoch ?? null, version: newest?.version ?? null };
  if (newest === undefined) {
    const remedy = `import a key or rotate: keybaton rotate ${credential}`;
    findings.push({ subject: 'version', verdict: 'warning', text: 'nothing was promoted yet: nothing to use', remedy });
    return { ...common, holds: [], findings };
  }
  findings.push({ subject: 'version', verdict: 'ok', text: `${newest.version} of epoch ${newest.epoch} is current` });
  const evidence = await ledger.evidence(credential);
  const { reports, found } = await endpointOf(checks, entry, input);
  findings.push(...found, ...instanceFindings(evidence, entry, now));
  const shown = evidence.evidence
    .filter((one) => one.consumer === consumer && !one.withdrawn && one.instance !== undefined)
    .map(({ instance = '' }) => ({ instance, version: newest.version, epoch: newest.epoch }));
  const told = shown.filter(({ instance }) => !reports.some((one) => one.instance === instance));
  const once = new Map([...told, ...reports].map((one) => [one.instance, one]));
  return { ...common, holds: [...once.values()], findings };
}

function consumerOf({ id, entry: { consumers } }: CredentialFacts, name: string): EntryConsumer {
  const declared = 'none' in consumers ? [] : consumers;
  const found = declared.find((one) => one.name === name);
  if (found !== undefined) return found;
  const known = declared.length === 0 ? 'it has none' : `it has ${declared.map((one) => one.name).join(', ')}`;
  throw new KeybatonError('NOT_FOUND', `${id} has no such consumer: ${known}; add it to the inventory and apply it`);
}

async function tokenFindings(
  tokens: ConsumerTokens | undefined,
  { credential, consumer }: { readonly credential: CredentialId; readonly consumer: string },
  now: number,
): Promise<readonly Finding[]> {
  if (tokens === undefined) return [];
  const make = `keybaton token make ${credential} ${consumer}`;
  const own = (await tokens.list()).filter((one) => one.credential === credential && one.consumer === consumer);
  const until = Math.max(0, ...own.map(({ expiresAt }) => expiresAt));
  if (until <= now) {
    const text = own.length === 0 ? 'it has none, so it can neither read nor prove' : 'all of its tokens have expired';
    return [{ subject: 'token', verdict: 'failure', text, remedy: make }];
  }
  const text = `good until ${new Date(until).toISOString()}`;
  if (until - now > tokenEndsSoon) return [{ subject: 'token', verdict: 'ok', text }];
  return [{ subject: 'token', verdict: 'warning', text, remedy: `make the next one: ${make}` }];
}

async function endpointOf(
  checks: Pick<Checks, 'endpoint'>,
  { demand, probe }: EntryConsumer,
  { credential, consumer }: { readonly credential: CredentialId; readonly consumer: string },
): Promise<{ reports: ConsumerView['holds']; found: readonly Finding[] }> {
  if (demand !== 'endpoint-reported' || probe === undefined) return { reports: [], found: [] };
  const subject = 'endpoint';
  try {
    if (checks.endpoint === undefined)
      throw new KeybatonError('UNSUPPORTED', 'this process cannot ask it: run this where workers run');
    const reports = await checks.endpoint(credential, consumer);
    const verdict = reports.length === 0 ? 'failure' : 'ok';
    const text = `probe ${probe} answers for ${reports.map(({ instance }) => instance).join(', ') || 'no instance'}`;
    return { reports, found: [{ subject, verdict, text }] };
  } catch (error) {
    const text = `probe ${probe}: ${error instanceof KeybatonError ? error.message : 'it could not be asked'}`;
    const isWrong = ['VERIFICATION_FAILED', 'INVALID_CONFIG', 'NOT_FOUND', 'ACCESS_DENIED'].includes(codeOf(error));
    const remedy = 'docs/consumers.md says what it answers; its address stands in targets.yml';
    return { reports: [], found: [{ subject, verdict: isWrong ? 'failure' : 'cannot tell', text, remedy }] };
  }
}

function instanceFindings(facts: EvidenceFacts, entry: EntryConsumer, now: number): readonly Finding[] {
  const present = facts.instances.filter((one) => one.consumer === entry.name && !one.left);
  const missing = missingEvidence(facts, now).filter((one) => one.consumer === entry.name);
  const isLate = now - facts.decidedAt > entry.deadline;
  const beating = present
    .filter(({ instance }) => !missing.some((one) => one.instance === instance))
    .map(({ instance }): Finding => ({ subject: 'instance', verdict: 'ok', text: `${instance} has shown it` }));
  const wanting = missing.map((one): Finding => {
    const verdict = one.why === 'no instance seen' || one.why === 'lease lapsed' || isLate ? 'failure' : 'warning';
    return { subject: 'instance', verdict, text: describeMissing(one), remedy: remedies[one.why] };
  });
  if (beating.length + wanting.length > 0) return [...beating, ...wanting];
  return [{ subject: 'instance', verdict: 'ok', text: `${entry.name} as a whole has shown it` }];
}

const remedies: Readonly<Record<ReturnType<typeof missingEvidence>[number]['why'], string>> = {
  'no consumer declared': 'name it in the inventory',
  'no instance seen':
    'start it with the SDK, keybaton exec or the requests of docs/consumers.md; run this where it runs',
  'lease lapsed': 'start it again under its name, let it leave, or keybaton waive',
  'not proved': 'it proves with its first successful use; run this where it runs, with KEYBATON_TOKEN set',
  withdrawn: 'the current version was refused there: try it by hand before anything else',
};
