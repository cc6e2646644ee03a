import { list } from '../../operations/list.ts';
import type { CredentialSummary } from '../../operations/summary.ts';
import type { Command } from '../command.ts';
import { count, relative, table } from '../text.ts';

export const listCommand: Command = {
  name: 'list',
  summary: 'Show every credential with its age, due date and what it needs',
  options: [
    { flags: '--team <team>', about: 'only of this team' },
    { flags: '--environment <environment>', about: 'only of this environment' },
    { flags: '--target <target>', about: 'only at this target' },
    { flags: '--group <group>', about: 'only with this mark' },
    { flags: '--needing', about: 'only those that need somebody' },
  ],
  answers: ['now', 'credentials'],
  examples: [
    { line: 'keybaton list', about: 'everything' },
    { line: 'keybaton list --needing', about: 'what is due, held, failed or compromised' },
    { line: 'keybaton list --environment prod --json', about: 'for a program' },
  ],
  async run({ output, ports }, given) {
    const filter = Object.fromEntries(
      ['team', 'environment', 'target', 'group'].flatMap((key) => {
        const value = given.text(key);
        return value === undefined ? [] : [[key, value]];
      }),
    );
    const found = await list(await ports(), { ...filter, needing: given.flag('needing') });
    output.answer(found, () => listText(found.credentials, found.now, output.width));
    return 0;
  },
};

function listText(credentials: readonly CredentialSummary[], now: number, width: number): string {
  if (credentials.length === 0) return 'nothing to show: apply an inventory with keybaton apply, or widen the filter';
  const rows = credentials.map((one) => [
    one.id,
    one.mode,
    one.current === null ? 'never' : relative(one.current.since, now),
    one.due.why !== null ? 'now' : relative(one.due.at, now),
    notes(one),
  ]);
  return `${table(['CREDENTIAL', 'MODE', 'ROTATED', 'DUE', 'NOTES'], rows, width)}\n${count(credentials.length, 'credential')}`;
}

export function notes(one: CredentialSummary): string {
  const said = [
    one.status === 'managed' ? '' : one.status,
    one.compromised.length > 0 ? `${one.compromised.length} compromised` : '',
    one.frozen ? 'frozen' : '',
    one.paused ? 'paused' : '',
    one.rotating ? 'rotating' : '',
    one.due.failedAttempts > 0 ? count(one.due.failedAttempts, 'failed attempt') : '',
    !one.rotating && one.debts.length > 0 ? count(one.debts.length, 'debt') : '',
    one.onlyByHand.length > 0 ? 'to be killed by hand' : '',
    ...one.alarms.map(({ text }) => text),
  ];
  const text = said.filter((part) => part !== '').join('; ');
  return text === '' ? 'ok' : text;
}
