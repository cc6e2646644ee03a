import { z } from 'zod';
import { operation } from '../operation.ts';
import { plan } from '../plan.ts';
import { rehearse } from '../rehearse.ts';
import { reachOf } from './scopes.ts';
import { credentialId, findingShape, instant, list, texts } from './shapes.ts';

export const planOperation = operation({
  name: 'plan',
  summary: 'What a rotation would do, and what would fail now; asks the provider, with its admin credential',
  effect: 'read',
  input: z.strictObject({ credential: credentialId }),
  answer: z.object({
    credential: credentialId,
    due: z.string().nullable(),
    steps: texts,
    findings: list(findingShape),
  }),
  reach: reachOf,
  run: async ({ ports }, input) => plan(await ports(), input),
});

export const rehearseOperation = operation({
  name: 'rehearse',
  summary: 'Make, store and verify a version, then discard it: nothing is promoted',
  effect: 'start',
  input: z.strictObject({ credential: credentialId }),
  answer: z.object({ credential: credentialId, startedAt: instant, afterN: z.number() }),
  reach: reachOf,
  run: async ({ ports }, { credential }, { actor }) => rehearse(await ports(), { credential, actor }),
});
