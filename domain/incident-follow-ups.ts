import type { IncidentReport } from './incident-report.ts';

/** Something left to do: a command, or a task that only a person can do. */
export interface FollowUp {
  readonly what: string;
  readonly command: string | null;
  /** Whose it is, where that is known. */
  readonly team: string | null;
}

/** Of one kind at most so many; a report of thousands of keys names the first and says how many else. */
const perKind = 20;

/** What a report leaves to be done, the most urgent first. Pure. */
export function followUps(report: Omit<IncidentReport, 'followUps'>): readonly FollowUp[] {
  const { keys, credentials, scope, intervals, incident, drill, checkpoint } = report;
  const teams = new Map(
    [...credentials.notReplaced, ...credentials.notConfirmed, ...credentials.evidence].map((one) => [
      one.credential,
      one.team ?? null,
    ]),
  );
  const of = (credential: (typeof keys.notDead)[number]['credential'], what: string, command: string | null) => ({
    what,
    command,
    team: teams.get(credential) ?? null,
  });
  const all = (what: string, command: string | null = null): FollowUp => ({ what, command, team: null });
  const notContained = new Set(keys.notContained.map(({ version }) => version));

  return [
    ...few(
      keys.notContained.map(({ credential, version, onlyByHand }) =>
        of(
          credential,
          `kill ${version} of ${credential} by hand: ${onlyByHand ? 'no API can' : 'it is not revoked'}`,
          `keybaton show ${credential} --by-hand`,
        ),
      ),
    ),
    ...few(
      keys.notDead
        .filter(({ version }) => !notContained.has(version))
        .map(({ credential, version }) =>
          of(
            credential,
            `${version} of ${credential} is revoked and not proved dead: find out why it is still accepted, or cannot be asked with`,
            `keybaton status ${credential}`,
          ),
        ),
    ),
    ...(keys.absent > 0
      ? [
          all(
            `${counted(keys.absent)} gone from its provider's list, and nobody saw the value refused: it stays owed while a copy of the value exists`,
            'keybaton status',
          ),
        ]
      : []),
    ...few(
      credentials.notReplaced.map(({ credential, missing }) =>
        of(
          credential,
          `replace ${credential}: ${missing.join('; ') || 'it has no replacement'}`,
          `keybaton status ${credential}`,
        ),
      ),
    ),
    ...few(
      credentials.notConfirmed.map(({ credential, missing }) =>
        of(
          credential,
          `have the replacement of ${credential} proved: ${missing.join('; ')}`,
          `keybaton status ${credential}`,
        ),
      ),
    ),
    ...few(
      scope.findings
        .filter(({ verdict }) => verdict === 'used' || verdict === 'read')
        .map(({ credential, source, text }) =>
          of(
            credential,
            `${credential}, ${source}: say whose each of these was, and what a stranger could do with it: ${text}`,
            null,
          ),
        ),
    ),
    ...few(
      scope.findings
        .filter(({ verdict }) => verdict === 'cannot tell')
        .map(({ credential, source, text }) =>
          of(credential, `${credential}, ${source}: find out by other means who had it: ${text}`, null),
        ),
    ),
    ...(scope.notLookedUp > 0
      ? [
          all(
            `${counted(scope.notLookedUp)} not looked up: who read and used it is not known`,
            `keybaton incident show ${incident}`,
          ),
        ]
      : []),
    ...intervals
      .filter(({ late }) => late)
      .map(({ moment, plannedSeconds, tookSeconds }) =>
        all(
          tookSeconds === null
            ? `"${moment}" was not reached within its ${plannedSeconds} s`
            : `"${moment}" took ${tookSeconds} s instead of ${plannedSeconds} s: find out why before the next drill`,
        ),
      ),
    ...(checkpoint !== null && checkpoint.broken > 0
      ? [
          all(
            `the ledger's chain is broken at ${checkpoint.broken} events: this report rests on it`,
            'keybaton audit verify',
          ),
        ]
      : []),
    ...(checkpoint === null ? [all('this report has no checkpoint of the chain', 'keybaton audit verify')] : []),
    ...(drill
      ? []
      : [
          all('find the way by which it leaked, and close it: a new key leaks by the same way'),
          all('decide who outside must be told, and by when: contracts and regulators have deadlines of their own'),
        ]),
  ];
}

function few(tasks: readonly FollowUp[]): readonly FollowUp[] {
  if (tasks.length <= perKind) return tasks;
  const more = tasks.length - perKind;
  return [...tasks.slice(0, perKind), { what: `and ${more} more of the kind above`, command: null, team: null }];
}

const counted = (keys: number): string => (keys === 1 ? '1 key is' : `${keys} keys, each of them`);
