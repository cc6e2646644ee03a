import { worksWithIt, type Entry } from '../domain/entry.ts';
import type { CredentialFacts } from '../domain/facts.ts';
import { askEndpoints, asksEndpoints } from './ask-endpoints.ts';
import { bringOut, bringsOut } from './bring-out.ts';
import { looksUpReadings, lookUpReadings } from './look-up-readings.ts';
import { proveOwnUse } from './own-use.ts';
import type { ActivityPorts } from './ports.ts';

/** Is there evidence that only comes when we ask for it? Then GATE is asked again at the pace of `askAgainIn`. */
export const asksForEvidence = (entry: Entry): boolean =>
  asksEndpoints(entry) || looksUpReadings(entry) || worksWithIt(entry) || bringsOut(entry);

/** Gets the evidence that nobody sends, before line 3 of GATE is read. Answers, for people, what could not be asked. */
export async function askForEvidence(
  ports: Pick<ActivityPorts, 'ledger' | 'readings' | 'keys' | 'provider' | 'workAs' | 'clusters' | 'now'>,
  facts: CredentialFacts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const asked = await Promise.all([
    askEndpoints(ports, facts, signal),
    lookUpReadings(ports, facts, signal),
    bringOut(ports, facts, signal),
    proveOwnUse(ports, facts, signal),
  ]);
  return asked.flat();
}
