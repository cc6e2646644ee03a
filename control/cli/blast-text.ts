import { formatDuration } from '../../domain/duration.ts';
import type { BlastRadius } from '../operations/emergency-blast.ts';
import { count, moment, printable, table, wrapped } from './text.ts';

const sources: Readonly<Record<BlastRadius['source'], string>> = {
  ledger: 'from the ledger',
  'kill sheet': 'from the kill sheet of this machine',
  'provider lists': 'from what providers list under our tag',
  'provider hints': 'guessed from what providers show of their keys',
  'stored values': 'found by the values stored now',
  'nothing known': 'nobody knows this value',
};

/** One line: how many, whose, and who told us. */
export function foundText({ keys, source, troubles }: BlastRadius): string {
  const credentials = new Set(keys.map(({ credential }) => credential)).size;
  const what = keys.length === 0 ? '' : `${count(keys.length, 'key')} of ${count(credentials, 'credential')}, `;
  return [`${what}${sources[source]}`, ...troubles.map((one) => printable(`  ${one}`))].join('\n');
}

/** What an emergency would do, for people. */
export function blastText(blast: BlastRadius, width: number): string {
  const rows = blast.keys.map(({ credential, version, fate, killIn, onlyByHand, policy, target }) => [
    credential,
    version,
    fate ?? '-',
    onlyByHand ? 'BY HAND' : killIn <= 0 ? 'at once' : `within ${formatDuration(killIn)}`,
    `${policy}, ${target}`,
  ]);
  const line = (label: string, text: string): string =>
    wrapped(text, width, ' '.repeat(16)).replace(/^ {16}/, `  ${label.padEnd(14)}`);
  return [
    `would kill ${foundText(blast)}`,
    ...(rows.length === 0 ? [] : ['', table(['CREDENTIAL', 'VERSION', 'FATE', 'DEAD', 'POLICY'], rows, width)]),
    '',
    ...blast.policies.map(({ policy, keys, what }) => line(policy, `${count(keys, 'key')}: ${what}`)),
    line('consumers', listed(blast.consumers)),
    line('dependents', dependentsText(blast)),
    ...blast.deadAlready.map((one) =>
      line('dead already', `${one.credential} ${one.version}, since ${moment(one.at)} UTC`),
    ),
    ...(blast.shapes.length === 0 ? [] : [line('looks like', blast.shapes.join(', '))]),
    ...blast.byHand.flatMap(({ credential, version, text }) => [
      '',
      `no API kills ${credential} ${version}:`,
      ...text.flatMap((one) => one.split('\n')).map((one) => `  ${printable(one)}`),
    ]),
    ...(blast.mustCount ? ['', `to go on, say --count ${blast.keys.length}`] : []),
    'nothing was killed (--dry-run)',
  ].join('\n');
}

function dependentsText({ dependents, elsewhere }: BlastRadius): string {
  if (elsewhere.dependents === 0) return listed(dependents, 'none; nothing else is rotated after these');
  return [...(dependents ?? []), `${String(elsewhere.dependents)} of other teams`].join(', ');
}

function listed(names: readonly string[] | null, none = 'none'): string {
  if (names === null) return 'not known without the ledger';
  return names.length === 0 ? none : names.join(', ');
}
