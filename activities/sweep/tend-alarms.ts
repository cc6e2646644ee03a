import { alarmCured } from '../../domain/alarms.ts';
import { codeOf } from '../../domain/errors.ts';
import type { CredentialFacts } from '../../domain/facts.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import { overdueFrom, remindAfter, type SweepCandidate, type SweepInput } from '../../domain/sweep.ts';
import type { AlarmName, StandingAlarm } from '../../ledger/ledger.ts';
import type { SweepPorts } from './ports.ts';

export interface TendedAlarms {
  readonly open: number;
  readonly raised: number;
  readonly reminded: number;
  readonly cured: number;
}

/** Failures in a row after which people are told: one or two are a provider's bad hour. */
const tooOften = 3;

/**
 * Raises what only time raises (overdue, failing), ends alarms whose condition is gone, and tells again of those that
 * stand: after an hour, four, a day, then daily.
 */
export async function tendAlarms(sweep: SweepPorts, input: SweepInput, signal: AbortSignal): Promise<TendedAlarms> {
  const { ledger } = sweep;
  const { page: limit, reminders } = input.limits;
  const standing = new Set<string>();
  let [open, reminded, cured] = [0, 0, 0];
  for (let after: AlarmName | undefined; ;) {
    signal.throwIfAborted();
    const page = await ledger.alarmPage({ limit, ...(after === undefined ? {} : { after }) });
    for (const [credential, alarms] of Map.groupBy(page, (alarm) => alarm.credential)) {
      const known = await factsOf(sweep, credential);
      for (const alarm of alarms) {
        if (
          known !== undefined &&
          alarmCured(alarm.key, known.facts, { raisedAt: alarm.raisedAt, lastOutcome: known.lastOutcome })
        ) {
          await ledger.cure({ credential, keyPrefix: alarm.key });
          cured += 1;
          continue;
        }
        open += 1;
        standing.add(nameOf(alarm));
        if (await remind(sweep, alarm, reminders)) reminded += 1;
      }
    }
    const last = page.at(-1);
    if (last === undefined || page.length < limit) break;
    after = { credential: last.credential, key: last.key };
  }
  return { open, raised: await raiseLate(sweep, input, standing, signal), reminded, cured };
}

const nameOf = ({ credential, key }: AlarmName): string => `${credential} ${key}`;

async function factsOf(
  { ledger }: SweepPorts,
  credential: CredentialId,
): Promise<{ readonly facts: CredentialFacts; readonly lastOutcome: string | undefined } | undefined> {
  try {
    const facts = await ledger.facts(credential);
    const [one] = await ledger.sweepCandidates([facts.id]);
    return { facts, lastOutcome: one?.lastRun?.outcome };
  } catch (thrown) {
    if (codeOf(thrown) !== 'NOT_FOUND') throw thrown;
    return undefined;
  }
}

async function remind({ ledger }: SweepPorts, alarm: StandingAlarm, reminders: readonly number[]): Promise<boolean> {
  const now = await ledger.clock();
  if (alarm.nextAt > now) return false;
  const { credential, key } = alarm;
  const count = alarm.reminders + 1;
  await ledger.remindAlarm({ credential, key, count, nextAt: now + remindAfter(reminders, count) });
  return true;
}

async function raiseLate(
  { ledger }: SweepPorts,
  { limits }: SweepInput,
  standing: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<number> {
  let raised = 0;
  for (const list of ['due', 'never'] as const) {
    for (let after: string | undefined; ;) {
      signal.throwIfAborted();
      const page = await ledger.sweepPage({ list, limit: limits.page, ...(after === undefined ? {} : { after }) });
      for (const one of page.candidates) {
        for (const { key, text } of lateness(one, page.now)) {
          if (standing.has(nameOf({ credential: one.id, key }))) continue;
          await ledger.alarm({ credential: one.id, key, text, page: key === 'failing' });
          raised += 1;
        }
      }
      after = page.next;
      if (after === undefined) break;
    }
  }
  return raised;
}

function lateness(one: SweepCandidate, now: number): readonly { readonly key: string; readonly text: string }[] {
  const from = overdueFrom(one);
  const date = new Date(one.dueAt ?? 0).toISOString().slice(0, 10);
  return [
    ...(from !== undefined && from <= now && one.mode !== 'observe'
      ? [{ key: 'overdue', text: `overdue: a new version was due on ${date}` }]
      : []),
    ...(one.failedAttempts >= tooOften
      ? [{ key: 'failing', text: 'its rotation fails again and again before anything is made: see its history' }]
      : []),
  ];
}
