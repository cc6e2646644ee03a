import { readFile } from 'node:fs/promises';
import { formatDuration } from '../../../domain/duration.ts';
import { errorTable, KeybatonError } from '../../../domain/errors.ts';
import { problemText } from '../../../inventory/problem.ts';
import type { ApplyResult } from '../../operations/apply.ts';
import { applyOperation, inventoryOperation } from '../../operations/table/apply.ts';
import type { Command } from '../command.ts';
import { count, printable } from '../text.ts';

export const applyCommand: Command = {
  name: 'apply',
  summary: 'Make the two files the inventory, or show what that would change',
  about:
    'Reads targets.yml and inventory.yml, reports every mistake at once, and changes nothing unless both are right. An entry that is no longer there is retired: its versions are watched until they are dead.',
  arguments: [{ name: 'inventory', about: 'the inventory file (default: inventory.yml)', optional: true }],
  options: [
    { flags: '--targets <file>', about: 'the targets file', default: 'targets.yml' },
    { flags: '--dry-run', about: 'only show what would change' },
  ],
  answers: ['kind', 'applied', 'differences', 'running', 'warnings'],
  examples: [
    { line: 'keybaton apply --dry-run', about: 'what would change, value by value' },
    { line: 'keybaton apply', about: 'apply inventory.yml with targets.yml of this folder' },
    { line: 'keybaton apply teams/search.yml --targets /etc/keybaton/targets.yml', about: 'files that live elsewhere' },
  ],
  async run({ output, call, environment }, given) {
    const names = {
      inventory: given.optionalArgument(0) ?? 'inventory.yml',
      targets: given.text('targets') ?? 'targets.yml',
    };
    const [inventory, targets] = await Promise.all([readText(names.inventory), readText(names.targets)]);
    const dryRun = given.flag('dryRun');
    const expected = dryRun ? {} : { expected: (await call(inventoryOperation, {})).n };
    const result = await call(applyOperation, { inventory, targets, dryRun, ...expected });
    if (result.kind !== 'refused') {
      output.answer(result, () => changesText(result));
      result.warnings.forEach((warning) => output.note(warning));
      return 0;
    }
    const { exit } = errorTable.INVALID_CONFIG;
    const message = `${count(result.problems.length, 'mistake')}, nothing was changed`;
    const complaint = { error: { code: 'INVALID_CONFIG', message, exit, retryable: false, problems: result.problems } };
    const lines = result.problems.map((problem) => printable(problemText(problem, names)));
    environment.stderr.write(`${output.json ? JSON.stringify(complaint) : [...lines, message].join('\n')}\n`);
    return exit;
  },
};

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unreadable';
    const shown = JSON.stringify(file.slice(0, 200));
    if (code === 'ENOENT')
      throw new KeybatonError(
        'NOT_FOUND',
        `there is no file ${shown}: name it, or begin with a copy of the example file`,
      );
    if (code === 'EACCES' || code === 'EPERM')
      throw new KeybatonError('ACCESS_DENIED', `file ${shown} may not be read by this user`);
    throw new KeybatonError('INVALID_CONFIG', `file ${shown} cannot be read (${code})`, { cause: thrown });
  }
}

const signs = { added: '+', changed: '~', renamed: '>', retired: '-' } as const;

function changesText(result: Exclude<ApplyResult, { kind: 'refused' }>): string {
  const { differences, applied, running } = result;
  const lines = differences.flatMap(({ id, kind, from, changes }) => [
    `${signs[kind]} ${id}${from === undefined ? '' : ` (was ${from})`}${kind === 'retired' ? '  retired: its versions are watched until they are dead' : ''}`,
    ...changes.map(({ path, before, after }) => `    ${path}: ${shown(path, before)} -> ${shown(path, after)}`),
  ]);
  const returned = applied.returned.map((id) => `+ ${id} is back from retiring`);
  const tally = (['added', 'changed', 'renamed', 'retired'] as const)
    .map((kind) => [differences.filter((one) => one.kind === kind).length, kind] as const)
    .filter(([amount]) => amount > 0)
    .map(([amount, kind]) => `${amount} ${kind}`);
  const total = tally.length === 0 ? 'no change' : tally.join(', ');
  const closing =
    result.kind === 'would apply'
      ? `${total}; nothing was changed (--dry-run)`
      : `${total}; applied as number ${applied.n}`;
  const more = running.map((id) => `${id} is rotating: it goes on with the new entry`);
  const hint =
    result.kind === 'applied' && applied.added.length > 0
      ? [`next: keybaton rotate ${applied.added[0] ?? ''} --wait`]
      : [];
  return printableLines([...lines, ...returned, closing, ...more, ...hint]);
}

/** Where the entry holds milliseconds: people wrote `4h`, and want to read that. */
const durations = /(^|\.)(every|jitter|soak|deadline|bound|silence\.for)$/;

function shown(path: string, value: unknown): string {
  if (value === undefined) return '(nothing)';
  return typeof value === 'number' && durations.test(path) ? formatDuration(value) : JSON.stringify(value);
}

const printableLines = (lines: readonly string[]): string => lines.map(printable).join('\n');
