import { formatDuration } from './duration.ts';
import type { IncidentReport, ReportKey } from './incident-report.ts';

/** The report for people. The same report gives the same text. */
export function incidentMarkdown(report: IncidentReport): string {
  const { declared, keys, credentials, scope, checkpoint } = report;
  const lines = [
    `# ${report.drill ? 'Drill' : 'Incident'} ${report.incident}`,
    '',
    `- Declared ${time(declared.at)} by ${cell(declared.who)}: ${cell(declared.why)}`,
    `- Scope: ${cell(declared.scope)}`,
    `- ${report.closed === null ? 'Not closed' : `Closed ${time(report.closed.at)} by ${cell(report.closed.by)}`}`,
    `- Written ${time(report.writtenAt)}. All times are UTC`,
    '',
    '## In short',
    '',
    `- ${keys.contained} of ${keys.all} keys contained, ${keys.refused + keys.absent} proved dead (${keys.refused} by refusal, ${keys.absent} by absence alone)`,
    `- ${credentials.replaced} of ${credentials.all} credentials replaced, ${credentials.replaced - credentials.notConfirmed.length} confirmed by every consumer`,
    `- Exposed ${exposure(report)}`,
    `- Readings and uses: ${scope.verdicts.used} used, ${scope.verdicts.read} read, ${scope.verdicts['none seen']} none seen, **${scope.verdicts['cannot tell']} cannot tell**, ${scope.notLookedUp} keys not looked up`,
    '',
    '## Clock',
    '',
    ...table(
      ['moment', 'planned', 'took', ''],
      report.intervals.map(({ moment, plannedSeconds, tookSeconds, late }) => [
        moment,
        span(plannedSeconds),
        tookSeconds === null ? 'not reached' : span(tookSeconds),
        late ? '**late**' : tookSeconds === null ? '' : 'in time',
      ]),
    ),
    '',
    '## Keys not proved dead',
    '',
    ...(keys.notDead.length === 0
      ? ['None.']
      : table(
          ['credential', 'version', 'key id', 'state'],
          keys.notDead.map((key) => [key.credential, key.version, key.keyIds.join(', '), stateOf(key)]),
        )),
    '',
    '## Credentials not replaced, or not confirmed',
    '',
    ...(credentials.notReplaced.length + credentials.notConfirmed.length === 0
      ? ['None.']
      : table(
          ['credential', 'team', 'replaced by', 'missing'],
          [...credentials.notReplaced, ...credentials.notConfirmed].map((one) => [
            one.credential,
            one.team ?? '',
            one.replacedBy ?? 'nothing yet',
            one.missing.join('; '),
          ]),
        )),
    '',
    '## Evidence',
    '',
    ...evidence(report),
    '',
    '## Who read and used them',
    '',
    ...scopeLines(report),
    '',
    '## Timeline',
    '',
    ...table(
      ['time', 'after', 'what', 'who'],
      report.timeline.map(({ at, what, who }) => [time(at), after(at - declared.at), what, who]),
    ),
    '',
    '## To do',
    '',
    ...report.followUps.map(
      ({ what, command, team }) =>
        `- [ ] ${team === null ? '' : `(${cell(team)}) `}${cell(what)}${command === null ? '' : `: \`${command}\``}`,
    ),
    '',
    '## Checkpoint',
    '',
    checkpoint === null
      ? 'The chain of the ledger could not be read.'
      : `Event ${checkpoint.n}, \`${checkpoint.hash}\`: the chain ${checkpoint.broken === 0 ? 'holds up to here' : `is broken at ${checkpoint.broken} events`}. \`keybaton audit verify\` computes it again.`,
  ];
  return `${lines.join('\n')}\n`;
}

function evidence({ credentials }: IncidentReport): readonly string[] {
  const rows = credentials.evidence.flatMap(({ credential, consumers }) =>
    consumers.map(({ consumer, demand, shown }) => [
      credential,
      consumer,
      demand,
      shown === undefined
        ? '**nothing**'
        : `${shown.kind}${shown.instances > 0 ? `, ${shown.instances} instances` : ''}`,
      shown === undefined ? '' : time(shown.at),
    ]),
  );
  return rows.length === 0
    ? ['No consumer was asked for any.']
    : table(['credential', 'consumer', 'must show', 'has shown', 'at'], rows);
}

function scopeLines({ scope }: IncidentReport): readonly string[] {
  const rows = scope.findings.map(({ credential, version, source, verdict, text, seen }) => [
    credential,
    version,
    source,
    verdict === 'cannot tell' ? '**cannot tell**' : verdict,
    [
      text,
      ...seen.slice(-5).map((one) => `${time(one.at)} ${one.who}${one.from === undefined ? '' : ` from ${one.from}`}`),
    ].join('; '),
  ]);
  return [
    ...(rows.length === 0
      ? ['Nothing was looked up.']
      : table(['credential', 'version', 'source', 'verdict', 'what'], rows)),
    ...(scope.more > 0 ? ['', `And ${scope.more} more findings: see the report as JSON.`] : []),
    ...(scope.notLookedUp > 0 && rows.length > 0 ? ['', `Keys that were not looked up: ${scope.notLookedUp}.`] : []),
  ];
}

function stateOf({ containedAt, onlyByHand }: ReportKey): string {
  if (containedAt !== undefined) return `revoked ${time(containedAt)}, not proved dead`;
  return onlyByHand ? 'not revoked: only a person can' : 'not revoked';
}

function exposure({ keys: { exposed } }: IncidentReport): string {
  const from =
    exposed.from === null ? 'since an unknown time' : `since ${time(exposed.from)}, when the oldest of them was made`;
  return `${from}, ${exposed.to === null ? 'and still' : `until ${time(exposed.to)}`}`;
}

const time = (at: number): string => {
  // ISO without what every row would repeat.
  const iso = new Date(at).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
};
const span = (seconds: number): string => formatDuration(seconds * 1_000);
const after = (milliseconds: number): string =>
  milliseconds < 0 ? `-${formatDuration(-milliseconds)}` : `+${formatDuration(milliseconds)}`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [row(head), row(head.map(() => '---')), ...rows.map((cells) => row(cells.map(cell)))];
}

/** One line, without what Markdown or HTML would read in it: names and reasons come from anywhere. */
function cell(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replace(/[|`[\]\\]/g, (sign) => `\\${sign}`);
}
