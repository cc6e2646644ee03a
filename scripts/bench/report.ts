import { cpus, release, totalmem, type as system } from 'node:os';
import { writeFileSync } from 'node:fs';
import { table } from '../storm/table.ts';

/** One figure, with what it is held to; a figure without a target is told and not judged. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly target?: { readonly atMost: number } | { readonly atLeast: number };
}

export interface Measured {
  readonly name: string;
  readonly figures: readonly Figure[];
  /** Everything that was measured, for programs. */
  readonly raw: Readonly<Record<string, unknown>>;
}

export const met = ({ value, target }: Figure): boolean =>
  target === undefined ||
  (Number.isFinite(value) && ('atMost' in target ? value <= target.atMost : value >= target.atLeast));

const told = (value: number): string =>
  Number.isInteger(value) ? value.toLocaleString('en-US') : value.toFixed(Math.abs(value) < 10 ? 2 : 1);

const targetText = ({ target, unit }: Figure): string => {
  if (target === undefined) return '';
  return 'atMost' in target ? `at most ${told(target.atMost)} ${unit}` : `at least ${told(target.atLeast)} ${unit}`;
};

/** Prints the table, writes the file, and answers whether every target was met. */
export function report({ name, figures, raw }: Measured, file: string | undefined): boolean {
  const ok = figures.every(met);
  console.log(
    table(
      [name, 'measured', 'target', ''],
      figures.map((figure) => [
        figure.what,
        `${told(figure.value)} ${figure.unit}`.trim(),
        targetText(figure),
        figure.target === undefined ? '' : met(figure) ? 'met' : 'MISSED',
      ]),
    ),
  );
  const machine = {
    cpus: cpus().length,
    model: cpus()[0]?.model ?? 'unknown',
    memory: totalmem(),
    system: `${system()} ${release()}`,
    node: process.version,
  };
  if (file !== undefined) writeFileSync(file, `${JSON.stringify({ name, ok, ...raw, figures, machine }, null, 2)}\n`);
  return ok;
}
