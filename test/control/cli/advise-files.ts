import { expect } from 'vitest';
import type { Advice } from '../../../control/operations/advise/advice.ts';
import type { Bench } from '../bench.ts';

export interface Files {
  readonly entries: Readonly<Record<string, string>>;
  readonly targets: Readonly<Record<string, TargetLines>>;
}

export interface TargetLines {
  readonly provider?: string;
  readonly environment?: string;
  readonly settings?: string;
  readonly admin?: string;
}

export function targets(named: Readonly<Record<string, TargetLines>>): string {
  const lines = Object.entries(named).map(
    ([
      name,
      { provider = 'in-memory', environment = 'prod', settings = '{}', admin = `env:ADMIN_${name.replace('-', '_')}` },
    ]) =>
      `  ${name}: { provider: ${provider}, environment: ${environment}, settings: ${settings}, admin: '${admin}', teams: [search, chat] }`,
  );
  return `targets:\n${lines.join('\n')}\nbackends:\n  vault: { kind: in-memory }\n`;
}

export function inventory(entries: Readonly<Record<string, string>>): string {
  const lines = Object.entries(entries).map(([id, entry]) => `  ${id}: { team: search, ${entry} }`);
  return `teams: [search]\ncredentials:${lines.length === 0 ? ' {}' : `\n${lines.join('\n')}`}\n`;
}

export interface Answer {
  readonly now: number;
  readonly credentials: number;
  readonly advice: readonly Advice[];
}

export async function ask(
  bench: Bench,
  ...line: readonly string[]
): Promise<{ exit: number; answer: Answer; text: string }> {
  const json = await bench.run(['advise', ...line, '--json']);
  const human = await bench.run(['advise', ...line]);
  expect([json.stderr, human.stderr, human.exit]).toEqual(['', '', json.exit]);
  // Held to its shape by what the tests expect of it.
  return { exit: json.exit, answer: JSON.parse(json.stdout) as Answer, text: human.stdout };
}

export async function apply(bench: Bench, files: Files): Promise<void> {
  const { exit, stderr } = await bench.apply(inventory(files.entries), targets(files.targets));
  expect([exit, stderr]).toEqual([0, '']);
}
