import { z } from 'zod';
import { acknowledge } from '../acknowledge.ts';
import { operation } from '../operation.ts';
import { waive } from '../waive.ts';
import { reachOf } from './scopes.ts';
import { count, credentialId, name, toldShape, why } from './shapes.ts';

const input = z.strictObject({
  credential: credentialId,
  consumer: name.meta({ description: 'as the inventory names it' }),
  instance: z.string().min(1).max(128).optional().meta({ description: 'only this running copy' }),
  why,
});

const asked = ({ instance, ...rest }: z.output<typeof input>) => ({
  ...rest,
  ...(instance === undefined ? {} : { instance }),
});

export const acknowledgeOperation = operation({
  name: 'acknowledge',
  summary: 'Say that a consumer uses the new version: the weakest evidence, under your name',
  effect: 'change',
  input,
  answer: z.object({
    credential: credentialId,
    consumer: z.string(),
    epoch: count,
    missing: count.meta({ description: 'who has not proved it yet' }),
    told: toldShape.nullable(),
  }),
  reach: reachOf,
  async run({ ports }, given, { actor }) {
    const done = await acknowledge(await ports(), { ...asked(given), actor });
    return { credential: given.credential, consumer: given.consumer, ...done };
  },
});

export const waiveOperation = operation({
  name: 'waive',
  summary: 'Do without the proof of one consumer, for this epoch, under your name',
  effect: 'change',
  input,
  answer: z.object({ credential: credentialId, consumer: z.string(), epoch: count, told: toldShape }),
  reach: reachOf,
  async run({ ports }, given, { actor, epoch }) {
    const done = await waive(await ports(), { ...asked(given), actor, ...(epoch === undefined ? {} : { epoch }) });
    return { credential: given.credential, consumer: given.consumer, ...done };
  },
});
