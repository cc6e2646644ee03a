import { z } from 'zod';
import { KeybatonError } from '../../../domain/errors.ts';
import { operation } from '../operation.ts';
import { release } from '../release.ts';
import { rollBack } from '../roll-back.ts';
import { reachOf } from './scopes.ts';
import { credentialId, requestShape, toldShape, versionId, why } from './shapes.ts';

export const releaseOperation = operation({
  name: 'release',
  summary: 'Let a held rotation, a retiring entry or a debt go on, under your name',
  effect: 'change',
  input: z.strictObject({
    credential: credentialId,
    release: z.enum(['unproved', 'ask', 'retire', 'alive']).meta({
      description:
        '`unproved`: without the evidence that is missing now. `ask`: mode ask goes on. `retire`: the end of an entry. `alive`: give `version` up, which cannot be killed',
    }),
    version: versionId.optional(),
    why,
  }),
  answer: z.object({ request: requestShape, told: toldShape }),
  reach: reachOf,
  async run({ ports }, { version, ...asked }, { actor }) {
    if ((asked.release === 'alive') !== (version !== undefined))
      throw new KeybatonError('INVALID_CONFIG', 'a version is named with `alive`, and with nothing else');
    return release(await ports(), { ...asked, actor, ...(version === undefined ? {} : { version }) });
  },
});

export const rollbackOperation = operation({
  name: 'rollback',
  summary: 'Make an earlier version current again; the abandoned one dies after everybody has moved back',
  effect: 'start',
  input: z.strictObject({
    credential: credentialId,
    version: versionId.optional().meta({ description: 'which one; unsaid: the newest that can be current again' }),
    why,
  }),
  answer: z.object({ request: requestShape, version: versionId, afterN: z.number(), told: toldShape }),
  reach: reachOf,
  run: async ({ ports }, { version, ...asked }, { actor }) =>
    rollBack(await ports(), { ...asked, actor, ...(version === undefined ? {} : { version }) }),
});
