import { z } from 'zod';
import type { CredentialId } from '../../../domain/identifiers.ts';
import { freeze } from '../freeze.ts';
import { operation } from '../operation.ts';
import type { OperationPorts, Reach } from '../operation.ts';
import { pause } from '../pause.ts';
import { thaw } from '../thaw.ts';
import { unpause } from '../unpause.ts';
import { reachOf } from './scopes.ts';
import { credentialId, requestShape, texts, toldShape, why } from './shapes.ts';

const input = z.strictObject({ credential: credentialId, why });

export const pauseOperation = operation({
  name: 'pause',
  summary: 'Stop one rotation before its next effect',
  effect: 'change',
  input,
  answer: z.object({ request: requestShape, told: toldShape }),
  reach: reachOf,
  run: async ({ ports }, asked, { actor }) => pause(await ports(), { ...asked, actor }),
});

const expected = z
  .array(z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the id of a request, as the status shows it'))
  .max(50)
  .optional()
  .meta({
    description: 'ids of the requests that were looked at, as `status` lists them: no other is ended; or If-Match',
  });

export const unpauseOperation = operation({
  name: 'unpause',
  summary: 'Let a paused rotation go on',
  effect: 'change',
  input: input.extend({ expected }),
  answer: z.object({ credential: credentialId, withdrawn: texts, told: toldShape }),
  reach: reachOf,
  run: async ({ ports }, { expected: known, ...asked }, { actor }) =>
    unpause(await ports(), { ...asked, actor, ...(known === undefined ? {} : { expected: known }) }),
});

const oneOrAll = z.strictObject({
  credential: credentialId.optional().meta({ description: 'unsaid: everything' }),
  why,
});
const reachOfOneOrAll = async (
  ports: OperationPorts,
  { credential }: { credential?: CredentialId | undefined },
): Promise<Reach> => (credential === undefined ? { kind: 'installation' } : reachOf(ports, { credential }));

export const freezeOperation = operation({
  name: 'freeze',
  summary: 'Stop all but emergencies, for one credential or for everything',
  effect: 'change',
  input: oneOrAll,
  answer: z.object({ request: requestShape, unreached: texts }),
  reach: reachOfOneOrAll,
  run: async ({ ports }, { credential, why: reason }, { actor }) =>
    freeze(await ports(), { actor, why: reason, ...(credential === undefined ? {} : { credential }) }),
});

export const thawOperation = operation({
  name: 'thaw',
  summary: 'End a freeze: of one credential, or the one of everything',
  effect: 'change',
  input: oneOrAll.extend({ expected }),
  answer: z.object({ withdrawn: texts, stillFrozen: z.boolean(), unreached: texts }),
  reach: reachOfOneOrAll,
  run: async ({ ports }, { credential, why: reason, expected: known }, { actor }) =>
    thaw(await ports(), {
      ...{ actor, why: reason },
      ...(credential === undefined ? {} : { credential }),
      ...(known === undefined ? {} : { expected: known }),
    }),
});
