import { KeybatonError } from '../../../domain/errors.ts';
import { parseIncidentId } from '../../operations/incident-id.ts';
import { incidentReportOperation } from '../../operations/table/incident.ts';
import type { Command } from '../command.ts';

export const incidentReportCommand: Command = {
  name: 'incident report',
  summary: 'Print the report: timeline, evidence, intervals against target, scope, follow-ups',
  about:
    'As it was written when the incident was reported, checked against the hash in the ledger; before that, or with --fresh, as it would be now. Needs the ledger.',
  arguments: [{ name: 'incident', about: 'its name, as `keybaton incident list` shows it' }],
  options: [
    { flags: '--format <format>', about: 'md or json', default: 'md' },
    { flags: '--fresh', about: 'as it would be written now' },
  ],
  answers: ['writtenAt', 'asWritten', 'report'],
  examples: [
    { line: 'keybaton incident report i20260131-4f9k2m7c > report.md', about: 'for people' },
    { line: 'keybaton incident report i20260131-4f9k2m7c --format json', about: 'the report alone, for a program' },
  ],
  async run({ output, call }, given) {
    const format = given.text('format') ?? 'md';
    if (format !== 'md' && format !== 'json') throw new KeybatonError('INVALID_CONFIG', '--format is md or json');
    const incident = parseIncidentId(given.argument(0));
    const { report, markdown, writtenAt, asWritten } = await call(incidentReportOperation, {
      incident,
      fresh: given.flag('fresh'),
    });
    output.answer({ writtenAt, asWritten, report }, () =>
      format === 'json' ? JSON.stringify(report, undefined, 2) : markdown,
    );
    if (writtenAt === null) output.note('not written yet: made from the ledger as it is now');
    if (asWritten === false) output.note('NOT AS WRITTEN: the ledger holds the hash of another text than this one');
    return 0;
  },
};
