import type { CredentialFacts, VersionFacts } from './facts.ts';

/** What a sweep knows beside the facts when it asks whether an alarm still stands. */
export interface AlarmSituation {
  readonly raisedAt: number;
  /** How the last ended run ended. */
  readonly lastOutcome: string | undefined;
}

/**
 * Is the condition of an alarm gone? Alarms are cured where their cause is cured; this is the sure end of those whose
 * run ended before it came to that. Only what the ledger shows: what lies in a backend is asked by the drift check.
 */
export function alarmCured(key: string, facts: CredentialFacts, situation: AlarmSituation): boolean {
  if (facts.status === 'released') return true;
  const [name = '', second = '', third = ''] = key.split('/');
  const named = facts.versions.find((one) => key.split('/').includes(one.id));
  switch (name) {
    case 'overdue':
      return facts.status !== 'managed' || facts.due.at === undefined || facts.due.at > facts.now;
    case 'failing':
      return facts.due.failedAttempts === 0;
    case 'spent':
      return facts.versions.some((one) => one.issued && one.createdAt > situation.raisedAt);
    case 'by-hand':
    case 'debt':
    case 'vanished':
      return named === undefined ? nothingOwed(facts) : ended(named);
    case 'standby':
    case 'replacement':
      // Cured by the run that makes it; an entry that is let go wants none any more.
      return facts.status !== 'managed';
    case 'supply':
      return named !== undefined && (ended(named) || named.issued);
    case 'copy':
      return named !== undefined && noCopyLeft(named);
    case 'refused':
      // A refused version is replaced; while it is what consumers should use, people must know.
      return named !== undefined && (ended(named) || facts.epochs[0]?.version !== named.id);
    case 'held':
      if (second === 'copy') return named !== undefined && (noCopyLeft(named) || named.fate === 'released');
      if (second === 'expiry') return named !== undefined && ended(named);
      return facts.openRun === undefined && nothingOwed(facts) && third === '';
    case 'effect':
      return facts.openRun === undefined && nothingOwed(facts) && wentWell(situation.lastOutcome);
    default:
      return false;
  }
}

const ended = ({ fate }: VersionFacts): boolean => fate === 'dead' || fate === 'released';

const noCopyLeft = (version: VersionFacts): boolean => version.copies.every((copy) => copy.gone);

/** No version that must die may still live. */
const nothingOwed = ({ versions }: CredentialFacts): boolean =>
  versions.every((one) => one.fate !== 'doomed' && (!one.compromised || ended(one)));

const wentWell = (outcome: string | undefined): boolean =>
  outcome === 'rotated' || outcome === 'rolled-back' || outcome === 'nothing' || outcome === 'observed';
