import { z } from 'zod';
import { materialShape } from '../material-shape.ts';
import { operation } from '../operation.ts';
import { supply } from '../supply.ts';
import { reachOf } from './scopes.ts';
import { materialFields } from './secret-shapes.ts';
import { credentialId, texts, toldShape, versionId } from './shapes.ts';

export const supplyFieldsOperation = operation({
  name: 'supply-fields',
  summary: 'Which fields a value of this credential has, and where it can be handed over; takes none',
  effect: 'read',
  input: z.strictObject({ credential: credentialId }),
  answer: z.object({
    credential: credentialId,
    fields: texts,
    elsewhere: z
      .string()
      .nullable()
      .meta({ description: 'the command that takes it on the host of a worker; `null`: it may be sent here' }),
  }),
  reach: reachOf,
  async run({ ports }, { credential }) {
    const open = await ports();
    const { fields } = await materialShape(open, credential);
    return { credential, fields, elsewhere: (await open.supplies.elsewhere?.(credential)) ?? null };
  },
});

export const supplyOperation = operation({
  name: 'supply',
  summary:
    'Hand over a value that only a person can make; it is checked and staged, and never shown again. Only where staging needs no credential of a vault',
  effect: 'change',
  input: z.strictObject({
    credential: credentialId,
    fields: materialFields.meta({ description: 'the named fields of the value, such as api_key' }),
  }),
  secret: ['fields'],
  answer: z.object({ credential: credentialId, version: versionId, told: toldShape }),
  reach: reachOf,
  async run({ ports }, { credential, fields }, { actor }) {
    const open = await ports();
    const material = fields(await materialShape(open, credential));
    return supply(open, { credential, material, actor });
  },
});
