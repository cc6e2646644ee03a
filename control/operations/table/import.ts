import { z } from 'zod';
import { KeybatonError } from '../../../domain/errors.ts';
import { operation } from '../operation.ts';
import { shellWord } from '../shell-word.ts';
import { reachOf } from './scopes.ts';
import { credentialId } from './shapes.ts';

/**
 * An import asks the provider whose key it is and marks it there, with the admin credential: only the host of a worker can.
 * No value is taken here, so that none travels for nothing; what is answered is the line to type, once it is sound.
 */
export const importOperation = operation({
  name: 'import',
  summary:
    'The command that brings a key under management, to be typed on the host of a worker; takes no value, since the API could ask no provider about it',
  effect: 'change',
  input: z.strictObject({
    credential: credentialId,
    ref: z.string().min(1).max(500).optional().meta({ description: "the provider's id of the key, never its value" }),
    cannotRevoke: z.boolean().default(false).meta({ description: 'nobody can find it at the provider' }),
  }),
  answer: z.object({}),
  reach: reachOf,
  async run({ ports }, { credential, ref, cannotRevoke }) {
    if ((ref === undefined) !== cannotRevoke)
      throw new KeybatonError(
        'INVALID_CONFIG',
        'say either `ref`, or `cannotRevoke`: then only a person can ever kill it',
      );
    const { status } = await (await ports()).ledger.facts(credential);
    if (status !== 'managed')
      throw new KeybatonError('CONFLICT', `${credential} is ${status}: put it back into the inventory first`);
    const how = ref === undefined ? ['--cannot-revoke'] : ['--ref', ref];
    const line = ['keybaton', 'import', credential, ...how].map(shellWord).join(' ');
    throw new KeybatonError(
      'UNSUPPORTED',
      `an import asks the provider, and the API holds no credential of any: on the host of a worker type: ${line}`,
    );
  },
});
