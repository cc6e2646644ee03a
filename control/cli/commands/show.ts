import { formatDuration } from '../../../domain/duration.ts';
import { byHandOperation } from '../../operations/table/kill-switch.ts';
import { showOperation } from '../../operations/table/show.ts';
import type { ByHandView } from '../../operations/kill-by-hand.ts';
import type { ShowView } from '../../operations/show.ts';
import type { Command } from '../command.ts';
import { printable, relative, table, wrapped } from '../text.ts';
import { notes } from './list.ts';

export const showCommand: Command = {
  name: 'show',
  summary: 'Show one credential: its entry, versions, refs, copies and consumers',
  about:
    'With --by-hand: how to kill its keys with no keybaton at all, from the ledger or the kill sheet (with --json: `credential`, `source`, `troubles`, `keys`).',
  arguments: [{ name: 'credential', about: 'provider/environment/application' }],
  options: [{ flags: '--by-hand', about: 'console address, key id and exact command to kill each key' }],
  answers: ['now', 'summary', 'entry', 'backends', 'epochs', 'versions', 'consumers', 'incidents'],
  examples: [
    { line: 'keybaton show openai/prod/support-bot', about: 'everything the ledger knows, and no secret' },
    { line: 'keybaton show openai/prod/support-bot --json', about: 'the same for a program' },
    { line: 'keybaton show openai/prod/support-bot --by-hand', about: 'when nothing of keybaton works' },
  ],
  async run({ output, call }, given) {
    if (given.flag('byHand')) {
      const byHand = await call(byHandOperation, { credential: given.credential() });
      output.answer(byHand, () => byHandText(byHand));
      return 0;
    }
    const view = await call(showOperation, { credential: given.credential() });
    output.answer(view, () => showText(view, output.width));
    return 0;
  },
};

function byHandText({ credential, source, troubles, keys }: ByHandView): string {
  return [
    `${credential}, from the ${source}`,
    ...troubles.map((one) => printable(`  ${one}`)),
    ...(keys.length === 0 ? ['  no version that may live'] : []),
    ...keys.flatMap(({ version, fate, target, text }) => [
      '',
      `${version} (${fate}, target ${target})`,
      ...text.flatMap((one) => one.split('\n')).map((line) => `  ${printable(line)}`),
    ]),
  ].join('\n');
}

function showText(view: ShowView, width: number): string {
  const { summary, entry, now } = view;
  const silence = 'no' in entry.silence ? `not asked for: ${entry.silence.no}` : formatDuration(entry.silence.for);
  const facts = [
    ['status', `${summary.status}, mode ${summary.mode}, tier ${entry.tier}`],
    ['team', entry.contact === undefined ? entry.team : `${entry.team}, ${entry.contact}`],
    ['target', entry.target],
    ['every', `${formatDuration(entry.schedule.every)}; due ${summary.due.why ?? relative(summary.due.at, now)}`],
    ['silence', silence],
    ['soak', formatDuration(entry.soak)],
    ['emergency', `${entry.emergency.policy}${entry.standby ? ', with a standby' : ''}`],
    ['stored in', view.backends.map(({ backend, path, standing }) => `${backend} ${path} (${standing})`).join(', ')],
    ['notes', notes(summary)],
    ...view.incidents.map((incident) => ['incident', `${incident} is open: keybaton incident show ${incident}`]),
  ].map(([label = '', text = '']) => `  ${label.padEnd(10)} ${wrapped(text, width, ' '.repeat(13)).slice(13)}`);
  return [
    summary.id,
    ...facts,
    '',
    'Versions',
    versionsText(view, width),
    '',
    'Consumers',
    consumersText(view, width),
  ].join('\n');
}

function versionsText({ versions, epochs, now }: ShowView, width: number): string {
  if (versions.length === 0) return '  none yet: keybaton rotate makes the first';
  const rows = versions.map((one) => [
    one.id,
    one.state,
    one.label ?? '-',
    epochs
      .filter(({ version }) => version === one.id)
      .map(({ epoch }) => epoch)
      .join(',') || '-',
    relative(one.createdAt, now),
    one.refs.map(({ ref, gone }) => (gone ? `(${ref.id})` : ref.id)).join(' ') || '-',
  ]);
  return table(['VERSION', 'STATE', 'LABEL', 'EPOCH', 'MADE', 'REF'], rows, width);
}

function consumersText({ consumers, entry, now }: ShowView, width: number): string {
  if ('none' in entry.consumers) return `  none: ${printable(entry.consumers.none)}`;
  const rows = consumers.flatMap(({ consumer, demand, instances, proved, waivedBy }) => {
    const whole = waivedBy === null ? (proved ?? '-') : `waived by ${waivedBy}`;
    const seen = instances.map((one) => [
      `${consumer}/${one.instance}`,
      demand,
      one.proved ?? '-',
      one.left ? 'left' : `seen ${relative(one.seenAt, now)}`,
    ]);
    return [[consumer, demand, whole, instances.length === 0 ? 'no instance seen' : ''], ...seen];
  });
  const declared = entry.consumers.map(({ name, demand }) => [name, demand, '-', '']);
  return table(['CONSUMER', 'DEMAND', 'PROVED', 'SEEN'], rows.length === 0 ? declared : rows, width);
}
