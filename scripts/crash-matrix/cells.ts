import { mixed } from './mixed.ts';

export type FamilyName = 'openai' | 'postgres-roles';
export type Scenario = 'scheduled' | 'roll-back' | 'emergency';
/** Whose process is killed with SIGKILL. */
export type Victim = 'worker' | 'temporal' | 'ledger' | 'backend';
/** `before`: the call is never made. `after`: it takes effect and its answer is lost. `unrecorded`: the answer comes, and what is written of it does not. */
export type Point = 'before' | 'after' | 'unrecorded';

export interface Cell {
  readonly family: FamilyName;
  readonly scenario: Scenario;
  /** An effect, or the kind of a ledger event: `ledger:promotion.decided`. */
  readonly effect: string;
  readonly point: Point;
  readonly victim: Victim;
}

export const victims: readonly Victim[] = ['worker', 'temporal', 'ledger', 'backend'];

/** What replays it: `openai/scheduled/issue/after/worker`. */
export const nameOf = ({ family, scenario, effect, point, victim }: Cell): string =>
  [family, scenario, effect, point, victim].join('/');

const all: readonly Point[] = ['before', 'after', 'unrecorded'];
/** The version is stored in the same activity, before anything is written of it: its answer unrecorded is `stage` not sent. */
const unstored: readonly Point[] = ['before', 'after'];

const recorded = [
  'version.planned',
  'intent.made',
  'version.issued',
  'promotion.decided',
  'promotion.shown',
  'revoke.authorised',
  'revoke.began',
  'version.dead',
  'version.destroyed',
  'rotation.ended',
];

interface Effects {
  readonly scenario: Scenario;
  readonly effects: readonly (readonly [effect: string, points: readonly Point[]])[];
  readonly only?: FamilyName;
}

const matrix: readonly Effects[] = [
  {
    scenario: 'scheduled',
    effects: [
      ['issue', unstored],
      ['stage', all],
      ['promote', all],
      ['revoke', all],
      ['destroy', all],
      ...recorded.map((kind) => [`ledger:${kind}`, ['after']] as const),
    ],
  },
  { scenario: 'scheduled', effects: [['suspend', all]], only: 'postgres-roles' },
  { scenario: 'roll-back', effects: [['promote', all]] },
  { scenario: 'roll-back', effects: [['resume', all]], only: 'postgres-roles' },
  {
    scenario: 'emergency',
    effects: [
      ['revoke', all],
      ['issue', unstored],
      ['stage', unstored],
      ['promote', all],
      ['destroy', unstored],
      ['notify', unstored],
      ['ledger:version.dead', ['after']],
    ],
  },
];

/** Every cell there is, for one victim after another. */
export function everyCell(): readonly Cell[] {
  const families: readonly FamilyName[] = ['openai', 'postgres-roles'];
  return victims.flatMap((victim) =>
    matrix.flatMap(({ scenario, effects, only }) =>
      families
        .filter((family) => only === undefined || family === only)
        .flatMap((family) =>
          effects.flatMap(([effect, points]) => points.map((point) => ({ family, scenario, effect, point, victim }))),
        ),
    ),
  );
}

/** In an order of the seed's. */
export function shuffled(cells: readonly Cell[], seed: number): readonly Cell[] {
  return cells
    .map((cell, index) => ({ cell, order: mixed(seed, index) }))
    .toSorted((one, other) => one.order - other.order)
    .map(({ cell }) => cell);
}

/** How many credentials of each family a batch may use in a scenario. */
export const pools: Readonly<Record<Scenario, number>> = { scheduled: 8, 'roll-back': 3, emergency: 4 };

/** Ledger connections that one worker can do without at a time: it has ten. */
const ledgerHolds = 6;

const holdsLedger = ({ effect, point }: Cell): boolean => point === 'unrecorded' || effect.startsWith('ledger:');

/** Cells that are held at the same time and lose the same process; the more, the later the last one arrives. */
export function batchesOf(cells: readonly Cell[], most = 8): readonly (readonly Cell[])[] {
  const batches: Cell[][] = [];
  for (const cell of cells) {
    const same = (one: Cell): boolean => one.family === cell.family && one.scenario === cell.scenario;
    const fits = batches.find(
      (batch) =>
        batch[0]?.victim === cell.victim &&
        batch.length < most &&
        batch.filter(same).length < pools[cell.scenario] &&
        (!holdsLedger(cell) || batch.filter(holdsLedger).length < ledgerHolds) &&
        // An incident tells people in one place.
        (cell.effect !== 'notify' || !batch.some((one) => one.effect === 'notify')),
    );
    if (fits === undefined) batches.push([cell]);
    else fits.push(cell);
  }
  return batches;
}
