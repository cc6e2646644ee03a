import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { commands } from '../../../control/cli/commands.ts';
import { evidenceKinds } from '../../../domain/entry.ts';
import { errorTable } from '../../../domain/errors.ts';
import { entrySchema } from '../../../inventory/entries.ts';
import { readInventory } from '../../../inventory/read.ts';
import { backendSchema, targetSchema } from '../../../inventory/targets.ts';
import { tierDefaults } from '../../../inventory/tiers.ts';
import { cliPage } from '../../../scripts/write-cli-page.ts';
import { shippedAdapters } from '../bench.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const page = (name: string): Promise<string> => readFile(join(root, 'docs', name), 'utf8');
/** Rows of every table, cell by cell, without the marks. */
const rowsOf = (text: string): readonly (readonly string[])[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );

describe('docs/errors.md', () => {
  test('has every code with its status, exit code, whether to try again, and what it means', async () => {
    const rows = rowsOf(await page('errors.md')).slice(2);
    const table = Object.entries(errorTable).map(([code, { status, exit, retryable, means }]) => [
      code,
      String(status),
      String(exit),
      retryable ? 'yes' : 'no',
      means,
    ]);
    expect(rows).toEqual(table);
  });

  test('says what to do about each of them', async () => {
    const sections = (await page('errors.md')).split('\n### ').slice(1);
    expect(sections.map((one) => one.split('\n')[0])).toEqual(Object.keys(errorTable));
    expect(sections.filter((one) => one.split('\n').slice(1).join('').length < 60)).toEqual([]);
  });

  test('names commands that exist', async () => {
    const text = (await page('errors.md')) + (await page('inventory.md'));
    const named = [...text.matchAll(/`keybaton ([a-z]+)((?: [a-z]+)?)/g)].map(([, first = '', second = '']) => [
      first,
      `${first}${second}`,
    ]);
    const names = commands.map(({ name }) => name);
    expect(named.filter((forms) => !forms.some((form) => names.includes(form)))).toEqual([]);
  });
});

describe('docs/cli.md', () => {
  test('is what the table of commands says (node scripts/write-cli-page.ts writes it)', async () => {
    expect(await page('cli.md')).toBe(await cliPage());
  });

  test('has every command with an example, every option and every key of its answer', async () => {
    const sections = new Map(
      (await page('cli.md'))
        .split('\n## keybaton ')
        .slice(1)
        .map((one) => [one.split('\n')[0] ?? '', one]),
    );
    expect([...sections.keys()]).toEqual(commands.map(({ name }) => name));
    const left = commands.flatMap(({ name, examples, options = [], answers }) =>
      [
        ...examples.map(({ line }) => line),
        ...options.map(({ flags }) => flags),
        ...answers.map((key) => `\`${key}\``),
      ].filter((text) => sections.get(name)?.includes(text) !== true),
    );
    expect(left).toEqual([]);
  });
});

describe('docs/inventory.md', () => {
  test('has every key of a target, a backend, an entry and a consumer', async () => {
    const first = rowsOf(await page('inventory.md')).flatMap(([key = '']) => key.split(', '));
    const { schedule, ...entry } = entrySchema.shape;
    const keys = [
      ...Object.keys(targetSchema.shape),
      ...Object.keys(backendSchema.shape),
      ...Object.keys(entry),
      ...Object.keys(schedule.unwrap().shape).map((key) => `schedule.${key}`),
      'name',
      'kind',
      'demand',
      'deadline',
      'without',
      'probe',
    ];
    expect(keys.filter((key) => !first.includes(key))).toEqual([]);
  });

  test('has the defaults of every tier as the code has them', async () => {
    const short = (milliseconds: number): string => `${milliseconds / 3_600_000}h`;
    const tiers = Object.entries(tierDefaults).map(([tier, one]) => [
      tier,
      one.mode,
      one.weakest,
      short(one.silence),
      short(one.soak),
      short(one.deadline),
    ]);
    expect(rowsOf(await page('inventory.md'))).toEqual(expect.arrayContaining(tiers));
  });

  test('names every kind of evidence, and its example is accepted', async () => {
    const text = await page('inventory.md');
    expect(evidenceKinds.filter((kind) => !text.includes(`\`${kind}\``))).toEqual([]);
    const [targets = ''] = /(?<=```yaml\n)[\s\S]*?(?=```)/.exec(text) ?? [];
    expect(parse(targets)).toHaveProperty('targets');
    expect(
      readInventory({
        targets,
        inventory: 'teams: [search]\ncredentials: {}\n',
        adapters: shippedAdapters,
        others: [],
      }),
    ).toMatchObject({ kind: 'checked' });
  });
});
