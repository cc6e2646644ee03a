import type { Entry } from '../../domain/entry.ts';
import type { Adapters } from '../../inventory/adapters.ts';
import { problemText } from '../../inventory/problem.ts';
import { readInventory } from '../../inventory/read.ts';
import type { CheckedInventory } from '../../inventory/read.ts';
import { shippedAdapters } from '../control/bench.ts';

export interface Files {
  readonly targets?: string;
  readonly inventory?: string;
  readonly others?: readonly Entry[];
  readonly adapters?: Adapters;
}

export const targetsText = `
targets:
  memory:
    provider: in-memory
    environment: prod
    admin: env:ADMIN
    teams: [search]
    probes: { health: https://search.example/version }
  elsewhere:
    provider: in-memory
    environment: test
    admin: env:ADMIN
    teams: [search]
  pair:
    provider: in-memory-slots
    environment: prod
    admin: env:ADMIN
    teams: [search]
backends:
  vault: { kind: in-memory }
`;

/** The two files with one entry, \`bot\`, whose lines are the given ones. */
export function entryText(...lines: readonly string[]): string {
  return [
    'teams: [search]',
    'credentials:',
    '  in-memory/prod/bot:',
    ...['target: memory', 'team: search', ...lines].map((line) => `    ${line}`),
    '',
  ].join('\n');
}

export function read({
  targets = targetsText,
  inventory = entryText('consumers: []'),
  others = [],
  adapters = shippedAdapters,
}: Files): ReturnType<typeof readInventory> {
  return readInventory({ targets, inventory, others, adapters });
}

/** Every complaint as people see it. */
export function complaints(files: Files): readonly string[] {
  const reading = read(files);
  return reading.kind === 'checked'
    ? []
    : reading.problems.map((one) => problemText(one, { targets: 'targets.yml', inventory: 'inventory.yml' }));
}

export function checked(files: Files): CheckedInventory {
  const reading = read(files);
  if (reading.kind === 'checked') return reading.inventory;
  throw new Error(`refused: ${complaints(files).join('\n')}`);
}

export function onlyEntry(files: Files): Entry {
  const [entry] = checked(files).entries;
  if (entry === undefined) throw new Error('no entry');
  return entry;
}
