import { z } from 'zod';
import { KeybatonError } from '../../../domain/errors.ts';
import { readInventory } from '../../../inventory/read.ts';
import { apply } from '../apply.ts';
import type { ApplyResult } from '../apply.ts';
import { operation } from '../operation.ts';
import type { OperationPorts, Reach } from '../operation.ts';
import { entryShape } from './credential-shapes.ts';
import { seesAll, visibleTo } from '../others-untold.ts';
import { scopeOf } from './scopes.ts';
import { count, credentials, list, opaque } from './shapes.ts';

export const inventoryOperation = operation({
  name: 'inventory-show',
  summary: 'The entries as they were applied, and the number of that inventory',
  effect: 'read',
  input: z.strictObject({}),
  answer: z.object({
    n: count.meta({ description: 'the next `apply` says it as `expected`' }),
    entries: list(entryShape),
    retiring: credentials,
  }),
  reach: async () => ({ kind: 'what the caller sees' }),
  async run({ ports }, _input, caller) {
    const { n, entries, retiring } = await (await ports()).ledger.inventory();
    const seen = entries.filter((entry) => caller.sees(scopeOf(entry)));
    const ids = new Set(seen.map(({ id }) => id));
    return { n, entries: seen, retiring: retiring.filter((id) => ids.has(id)) };
  },
});

const text = z.string().max(500_000);

/**
 * Entries that are there or would be, of the teams that the file names; the whole installation when the targets would not
 * stay as they are, or when there is a mistake: then nothing says what it would touch.
 */
async function reach({ ports }: OperationPorts, input: { targets: string; inventory: string }): Promise<Reach> {
  const { ledger, adapters } = await ports();
  const before = await ledger.inventory();
  const reading = readInventory({ ...input, adapters, others: before.entries });
  if (reading.kind === 'refused') return { kind: 'what the caller sees' };
  const { teams, entries, targets } = reading.inventory;
  if (JSON.stringify(sorted(targets)) !== JSON.stringify(sorted(before.targets))) return { kind: 'installation' };
  const own = before.entries.filter(({ team }) => teams.includes(team));
  const named = teams.map((team) => ({ environment: '', team, groups: [] }));
  const touched = [...own, ...entries].map(scopeOf);
  return { kind: 'entries', entries: touched.length === 0 ? named : touched };
}

/** As it was stored: keys in no particular order, nothing undefined. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const known = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(
    known.toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([key, one]) => [key, sorted(one)]),
  );
}

type Applied = Exclude<ApplyResult, { kind: 'refused' }>;
type Refused = Extract<ApplyResult, { kind: 'refused' }>;

export const applyOperation = operation({
  name: 'apply',
  summary: 'Make the two files the inventory of the teams they name, or with `dryRun` show what that would change',
  effect: 'change',
  input: z.strictObject({
    targets: text.meta({ description: 'targets.yml' }),
    inventory: text.meta({ description: 'inventory.yml' }),
    dryRun: z.boolean().default(false),
    expected: count
      .min(0)
      .optional()
      .meta({ description: '`n` of the inventory that was looked at before; or If-Match' }),
  }),
  answer: z.union([
    z.object({ kind: z.literal('refused'), problems: list(opaque<Refused['problems'][number]>()) }),
    z.object({
      kind: z.enum(['applied', 'would apply']),
      applied: opaque<Applied['applied']>(),
      differences: list(opaque<Applied['differences'][number]>()),
      running: credentials,
      warnings: list(z.string()),
    }),
  ]),
  reach,
  async run({ ports }, { expected, ...input }, caller) {
    if (!input.dryRun && expected === undefined)
      throw new KeybatonError(
        'INVALID_CONFIG',
        'say which inventory you looked at: If-Match with its ETag, or `expected`',
      );
    const sees = visibleTo(caller);
    return apply(await ports(), {
      ...input,
      actor: caller.actor,
      ...(expected === undefined ? {} : { expected }),
      ...(seesAll(sees) ? {} : { sees: (other) => sees(scopeOf(other)) }),
    });
  },
});
