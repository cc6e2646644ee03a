import { dueReason } from './due.ts';
import type { CredentialFacts } from './facts.ts';

/** The longest that an admin credential lets everything else at its targets go first. */
const longest = 24 * 3_600_000;

/**
 * Until when (ledger's clock) the replacement of an admin credential waits for what goes on at its targets: a day after it
 * was asked for, less where a tenth of its interval is. Then it has its turn whatever goes on there. Undefined: it waits for nobody,
 * since it is not due, or leaked, was never there, or something of it was begun or is asked for that cannot wait.
 */
export function adminTurn(facts: CredentialFacts): number | undefined {
  const { epochs, versions, requests, due, entry, now } = facts;
  const check = dueReason(facts)?.check;
  if (epochs.length === 0 || (check !== 'rotationRequested' && check !== 'maximumAgeReached')) return undefined;
  const begun = versions.some(({ fate }) => fate === 'pending' || fate === 'doomed');
  if (begun || facts.openRun !== undefined || requests.some(({ kind }) => kind === 'rollBack')) return undefined;
  const asked = requests.filter(({ kind }) => kind === 'rotate').map(({ at }) => at);
  const since = Math.min(...asked, ...(due.at !== undefined && due.at <= now ? [due.at] : []));
  return since + Math.min(longest, entry.schedule.every / 10);
}
