import { z } from 'zod';
import { listDrills } from '../drill-list.ts';
import { operation } from '../operation.ts';
import { scopeOf } from './scopes.ts';
import { count, credentialId, instant, list, texts, versionId } from './shapes.ts';

const after = count.nullable().meta({ description: 'milliseconds after the declaration' });

export const drillListOperation = operation({
  name: 'drill-list',
  summary: 'The last drill of each credential: how long until its key was proved dead, and whether that passed',
  effect: 'read',
  input: z.strictObject({}),
  answer: z.object({
    now: instant,
    never: count.meta({ description: 'credentials that were never drilled' }),
    drills: list(
      z.object({
        credential: credentialId,
        tier: z.enum(['critical', 'standard', 'low']),
        due: z.boolean(),
        last: z
          .object({
            at: instant,
            credential: credentialId,
            version: versionId,
            incident: z.string(),
            measures: z.object({
              toContained: after,
              toDead: after,
              toLastUse: after,
              uses: z.record(z.string(), count),
              verdict: z.enum(['passed', 'failed']),
              because: texts,
            }),
          })
          .nullable(),
      }),
    ),
  }),
  reach: async () => ({ kind: 'what the caller sees' }),
  async run({ ports }, _input, caller) {
    const { drills, ...found } = await listDrills(await ports(), { sees: (entry) => caller.sees(scopeOf(entry)) });
    // A copy of what was counted: a record is what the schema says.
    return {
      ...found,
      drills: drills.map((one) => ({
        ...one,
        last: one.last && { ...one.last, measures: { ...one.last.measures, uses: { ...one.last.measures.uses } } },
      })),
    };
  },
});
