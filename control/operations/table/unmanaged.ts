import { z } from 'zod';
import { operation } from '../operation.ts';
import { unmanaged } from '../unmanaged.ts';
import { instant, list, refShape } from './shapes.ts';

export const unmanagedOperation = operation({
  name: 'unmanaged',
  summary: 'Live keys that no version of ours explains, as the last sweep saw them; asks no provider',
  effect: 'read',
  input: z.strictObject({}),
  answer: z.object({
    now: instant,
    keys: list(
      z.object({
        target: z.string(),
        ref: refShape,
        standing: z.enum(['stray', 'unmanaged']),
        firstAt: instant,
        lastAt: instant,
        ignoredBy: z.string().nullable(),
      }),
    ),
  }),
  // Keys of a target belong to no team.
  reach: async () => ({ kind: 'installation' }),
  run: async ({ ports }) => unmanaged(await ports()),
});
