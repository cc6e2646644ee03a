import type { CredentialId } from '../../../domain/identifiers.ts';
import type { list } from '../../operations/list.ts';
import type { ListedCredential } from '../../operations/list.ts';
import { listOperation } from '../../operations/table/list.ts';
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
  answers: ['now', 'credentials', 'incidents'],
  examples: [
    { line: 'keybaton list', about: 'everything' },
    { line: 'keybaton list --needing', about: 'what is due, held, failed or compromised' },
    { line: 'keybaton list --environment prod --json', about: 'for a program' },
  ],
  async run({ output, call }, given) {
    const filter = Object.fromEntries(
      ['team', 'environment', 'target', 'group'].flatMap((key) => {
        const value = given.text(key);
        return value === undefined ? [] : [[key, value]];
      }),
    );
    const credentials: ListedCredential[] = [];
    for (let after: CredentialId | undefined; ;) {
      const page = await call(listOperation, {
        ...filter,
        needing: given.flag('needing'),
        limit: 500,
        ...(after === undefined ? {} : { after }),
      });
      credentials.push(...page.credentials);
      if (page.next !== null) {
        after = page.next;
        continue;
      }
      const { now, incidents } = page;
      const found = { now, credentials, incidents };
      output.answer(found, () => [...incidents.map(incidentLine), listText(credentials, now, output.width)].join('\n'));
      return 0;
    }
  },
};

const incidentLine = ({ incident, keys, dead }: Awaited<ReturnType<typeof list>>['incidents'][number]): string =>
  `OPEN incident ${incident}: ${dead} of ${count(keys, 'key')} dead; keybaton incident show ${incident}`;

/** In the order of promotion; `3 in-sync` where there is no more to say. */
function backendsText({ backends, current }: ListedCredential): string {
  if (current === null) return '-';
  const differing = backends.filter(({ standing }) => standing !== 'in-sync');
  const synced = backends.length - differing.length;
  const said = differing.map(({ backend, standing }) => `${backend} ${standing}`);
  if (synced > 0) said.unshift(backends.length === 1 ? 'in-sync' : `${synced} in-sync`);
  return said.join(', ');
}

function listText(credentials: readonly ListedCredential[], now: number, width: number): string {
  if (credentials.length === 0) return 'nothing to show: apply an inventory with keybaton apply, or widen the filter';
  const rows = credentials.map((one) => [
    one.id,
    one.mode,
    one.current === null ? 'never' : relative(one.current.since, now),
    one.due.why !== null ? 'now' : relative(one.due.at, now),
    backendsText(one),
    notes(one),
  ]);
  return `${table(['CREDENTIAL', 'MODE', 'ROTATED', 'DUE', 'BACKENDS', 'NOTES'], rows, width)}\n${count(credentials.length, 'credential')}`;
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
