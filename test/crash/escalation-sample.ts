import { escalationCells, type EscalationCell, type Leaked } from './escalation-cells.ts';
import { escalations } from './escalation-table.ts';
import type { Family } from './families.ts';

const leaks: readonly Leaked[] = ['old', 'new', 'both'];

/** Cells whose effects are another provider's own; `KEYBATON_ESCALATIONS=all` plays the whole table with it. */
export function escalationSample(
  name: string,
  open: () => Promise<Family>,
  suspends: boolean,
  chosen: readonly Pick<EscalationCell, 'step' | 'point' | 'leaked'>[],
): void {
  const table = leaks.flatMap((leaked) => escalationCells(leaked, suspends));
  const isChosen = (cell: EscalationCell): boolean =>
    chosen.some(({ step, point, leaked }) => cell.step === step && cell.point === point && cell.leaked === leaked);
  const all = process.env['KEYBATON_ESCALATIONS'] === 'all';
  escalations(`at ${name}`, all ? table : table.filter(isChosen), open);
}
