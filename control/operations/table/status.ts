import { z } from 'zod';
import { operation } from '../operation.ts';
import { statusAll } from '../status-all.ts';
import { status } from '../status.ts';
import { scheduleShape, statusShape } from './credential-shapes.ts';
import { reachOf, scopeOf } from './scopes.ts';
import { count, credentialId, list } from './shapes.ts';

export const statusOperation = operation({
  name: 'status',
  summary: 'Where the rotation of one credential stands, what it waits for and what can be done',
  effect: 'read',
  input: z.strictObject({ credential: credentialId }),
  answer: statusShape,
  reach: reachOf,
  run: async ({ ports }, input) => status(await ports(), input),
});

export const statusAllOperation = operation({
  name: 'status-all',
  summary: 'The status of everything that rotates, is due or needs somebody, and of the Schedule',
  effect: 'read',
  input: z.strictObject({}),
  answer: z.object({ total: count, credentials: list(statusShape), schedule: scheduleShape.nullable() }),
  reach: async () => ({ kind: 'what the caller sees' }),
  run: async ({ ports }, _input, caller) => statusAll(await ports(), { sees: (entry) => caller.sees(scopeOf(entry)) }),
});
