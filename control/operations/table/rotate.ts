import { z } from 'zod';
import { operation } from '../operation.ts';
import { rotate } from '../rotate.ts';
import { reachOf } from './scopes.ts';
import { credentialId, instant, toldShape, why } from './shapes.ts';

export const rotateOperation = operation({
  name: 'rotate',
  summary: 'Make a new version, wait until every consumer has proved it, revoke the old one',
  effect: 'start',
  input: z.strictObject({ credential: credentialId, why }),
  answer: toldShape.extend({
    credential: credentialId,
    request: z.string().meta({ description: 'asking again while it is open finds the same one' }),
    askedAt: instant,
    afterN: z.number().meta({ description: 'events of this rotation have numbers above' }),
  }),
  reach: reachOf,
  run: async ({ ports }, input, { actor }) => rotate(await ports(), { ...input, actor }),
});
