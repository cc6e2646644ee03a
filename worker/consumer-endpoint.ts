import type { CredentialId } from '../domain/identifiers.ts';
import { KeybatonError } from '../domain/errors.ts';
import { askEndpoint } from '../evidence/endpoint.ts';
import type { InstanceReport } from '../evidence/endpoint.ts';
import { asTargets } from '../inventory/targets.ts';
import type { Ledger } from '../ledger/ledger.ts';

/** What the endpoint of a consumer answers now. Nothing is recorded. INVALID_CONFIG when its target has no such probe. */
export async function askConsumerEndpoint(
  ledger: Pick<Ledger, 'facts' | 'appliedTargets'>,
  credential: CredentialId,
  name: string,
  timeout: number,
): Promise<readonly InstanceReport[]> {
  const { entry } = await ledger.facts(credential);
  const consumer = 'none' in entry.consumers ? undefined : entry.consumers.find((one) => one.name === name);
  const { targets } = asTargets(await ledger.appliedTargets());
  const probe = consumer?.probe === undefined ? undefined : targets[entry.target]?.probes?.[consumer.probe];
  if (probe === undefined)
    throw new KeybatonError('INVALID_CONFIG', `target ${entry.target} has no probe ${consumer?.probe ?? 'of it'}`);
  return askEndpoint({ probe, credential, signal: AbortSignal.timeout(timeout), timeout });
}
