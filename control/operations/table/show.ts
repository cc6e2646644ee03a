import { z } from 'zod';
import { operation } from '../operation.ts';
import { show } from '../show.ts';
import { showShape } from './credential-shapes.ts';
import { reachOf } from './scopes.ts';
import { credentialId } from './shapes.ts';

export const showOperation = operation({
  name: 'show',
  summary: 'One credential: its entry, versions, refs, copies and consumers',
  effect: 'read',
  input: z.strictObject({ credential: credentialId }),
  answer: showShape,
  reach: reachOf,
  run: async ({ ports }, input) => show(await ports(), input),
});
