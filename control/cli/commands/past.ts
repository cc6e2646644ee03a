import { errorTable } from '../../../domain/errors.ts';
import { parseCredentialId } from '../../../domain/identifiers.ts';
import type { LedgerEvent } from '../../../ledger/ledger.ts';
import { historyOperation } from '../../operations/table/history.ts';
import { auditVerifyOperation, doctorOperation } from '../../operations/table/installation.ts';
import { watch } from '../../operations/watch.ts';
import type { Command } from '../command.ts';
import { eventCells, eventLine } from '../event-text.ts';
import { followPorts } from '../follow-ports.ts';
import { exitOfFindings, findingsText } from '../findings.ts';
import { count, table } from '../text.ts';

const some = [{ name: 'credential', about: 'only of this one', optional: true }];
const after = { flags: '--after <number>', about: 'only events after this number' };

export const watchCommand: Command = {
  name: 'watch',
  summary: 'Show what happens, as it happens, until Ctrl-C',
  arguments: some,
  options: [after, { flags: '--for <duration>', about: 'end by itself after this long' }],
  answers: ['event'],
  examples: [
    { line: 'keybaton watch', about: 'everything' },
    { line: 'keybaton watch openai/prod/support-bot --json', about: 'one JSON object per line, for a program' },
  ],
  async run({ output, remote, ports, call, signal }, given) {
    const named = given.optionalArgument(0);
    const credential = named === undefined ? {} : { credential: parseCredentialId(named) };
    const open = remote ? undefined : await ports();
    const ledger = open?.ledger ?? (await followPorts({ remote, ports, call })).ledger;
    const alarms = (await open?.ledger.openAlarms(credential.credential)) ?? [];
    for (const alarm of alarms)
      output.event({ alarm }, () => `open ${alarm.page ? 'PAGE' : 'alarm'}  ${alarm.credential}  ${alarm.text}`);
    const limit = given.duration('for');
    const ends = limit === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(limit)]);
    const afterN = given.number('after');
    for await (const event of watch(
      { ledger },
      {
        ...credential,
        signal: ends,
        every: remote ? 1_000 : 500,
        ...(afterN === undefined ? {} : { afterN }),
      },
    )) {
      output.event({ event }, () => eventLine(event));
    }
    return 0;
  },
};

export const historyCommand: Command = {
  name: 'history',
  summary: 'Show who did what, and when',
  arguments: some,
  options: [after, { flags: '--limit <number>', about: 'how many', default: '50' }],
  answers: ['events'],
  examples: [
    { line: 'keybaton history openai/prod/support-bot', about: 'the newest 50 events of one credential' },
    { line: 'keybaton history --after 0 --limit 1000 --json', about: 'the record from its beginning, page by page' },
  ],
  async run({ output, call }, given) {
    const named = given.optionalArgument(0);
    const scope = named === undefined ? {} : { credential: parseCredentialId(named) };
    const wanted = Math.max(1, given.number('limit') ?? 50);
    let afterN = given.number('after');
    const events: LedgerEvent[] = [];
    while (events.length < wanted) {
      const limit = Math.min(500, wanted - events.length);
      const page = await call(historyOperation, { ...scope, limit, ...(afterN === undefined ? {} : { afterN }) });
      events.push(...page.events);
      if (page.next === null) break;
      afterN = page.next;
    }
    output.answer({ events }, () =>
      events.length === 0 ? 'nothing happened yet' : historyText(events, named === undefined, output.width),
    );
    return 0;
  },
};

function historyText(events: readonly LedgerEvent[], several: boolean, width: number): string {
  const headings = ['N', 'TIME (UTC)', 'WHAT', 'CREDENTIAL', 'WHO', 'DETAILS'];
  const shown = (cells: readonly string[]): readonly string[] => cells.filter((_, column) => several || column !== 3);
  return table(
    shown(headings),
    events.map((event) => shown(eventCells(event))),
    width,
  );
}

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'Check everything a rotation needs: Temporal, workers, ledger, backends, admin credentials, clocks',
  about:
    'Writes, reads back and removes a canary in every backend. The exit code is 8 when something is wrong, 10 when something cannot be told.',
  answers: ['findings'],
  examples: [{ line: 'keybaton doctor', about: 'and what to do about what it finds' }],
  async run({ output, call }) {
    const { findings } = await call(doctorOperation, {});
    output.answer({ findings }, () => findingsText(findings, output.width));
    return exitOfFindings(findings);
  },
};

export const auditVerifyCommand: Command = {
  name: 'audit verify',
  summary: 'Re-compute the chain of the ledger: was anything changed or removed?',
  about:
    'Keep the head it prints somewhere else: a later check can then show that nothing before it was changed. The exit code is 8 when the chain is broken.',
  answers: ['events', 'head', 'broken'],
  examples: [{ line: 'keybaton audit verify', about: 'how many events, the head, and where it is broken' }],
  async run({ output, call }) {
    const report = await call(auditVerifyOperation, {});
    output.answer(report, () =>
      [
        report.broken.length === 0
          ? `the chain of ${count(report.events, 'event')} is whole`
          : `the chain is BROKEN in ${count(report.broken.length, 'place')}`,
        ...report.broken.map(({ n, why }) => `  event ${n}: ${why}`),
        `head ${report.head}`,
      ].join('\n'),
    );
    return report.broken.length === 0 ? 0 : errorTable.VERIFICATION_FAILED.exit;
  },
};
