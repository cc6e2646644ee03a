import { expect, it } from 'vitest';
import { batchesOf, everyCell, nameOf, shuffled } from '../../scripts/crash-matrix/cells.ts';
import { judge, type Seen } from '../../scripts/crash-matrix/verdict.ts';

const well: Seen = {
  scenario: 'scheduled',
  current: 'new',
  accepted: true,
  before: 'old',
  live: ['new'],
  known: ['new'],
  debts: [],
  rotating: false,
  bystanderGone: false,
  deadCurrent: 0,
};
const none = { strays: 0, doubleLive: 0, lostDebts: 0, wrongKills: 0 };

it('finds nothing wrong where nothing is', () => {
  expect(judge(well)).toEqual({ ...none, faults: [] });
  expect(judge({ ...well, scenario: 'emergency', deadCurrent: 900 }).faults).toEqual([]);
  expect(judge({ ...well, scenario: 'roll-back', before: 'new' }).faults).toEqual([]);
});

it.each<[string, Partial<Seen>, object]>([
  ['a key of ours that nobody knows', { live: ['new', 'late'] }, { strays: 1, doubleLive: 1 }],
  ['an old key that nobody works on', { live: ['new', 'old'], known: ['new', 'old'] }, { lostDebts: 1, doubleLive: 1 }],
  ['an old key that is a debt', { live: ['new', 'old'], known: ['new', 'old'], debts: ['old'] }, { doubleLive: 1 }],
  ['a dead key in use', { live: [] }, { wrongKills: 1 }],
  ['a key that the provider lists and refuses', { accepted: false }, { wrongKills: 1 }],
  ['nothing to read', { current: undefined, live: [] }, { wrongKills: 1 }],
  ['a dead key of somebody else', { bystanderGone: true }, { wrongKills: 1 }],
  ['a time in which what is in use was dead', { deadCurrent: 250 }, {}],
  ['a credential that was not replaced', { current: 'old', live: ['old'], known: ['old'] }, {}],
  ['a rotation that does not end', { rotating: true }, {}],
])('notices %s', (_, changes, counts) => {
  const verdict = judge({ ...well, ...changes });
  expect(verdict).toMatchObject({ ...none, ...counts });
  expect(verdict.faults.length).toBeGreaterThan(0);
});

it('has more than a hundred cells with a name each, and one process to lose in each batch', () => {
  const cells = everyCell();
  expect(cells.length).toBeGreaterThan(100);
  expect(new Set(cells.map(nameOf)).size).toBe(cells.length);
  const batches = batchesOf(shuffled(cells, 1));
  expect(batches.flat().length).toBe(cells.length);
  for (const batch of batches) expect(new Set(batch.map(({ victim }) => victim)).size).toBe(1);
});

it('takes the same cells for the same seed, and others for another', () => {
  const names = (seed: number): readonly string[] => shuffled(everyCell(), seed).slice(0, 20).map(nameOf);
  expect(names(7)).toEqual(names(7));
  expect(names(7)).not.toEqual(names(8));
});
