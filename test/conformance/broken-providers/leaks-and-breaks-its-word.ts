import { KeybatonError, codeOf } from '../../../domain/errors.ts';
import { SecretMaterial } from '../../../domain/secret-material.ts';
import { orFail, supplied, unreachable, wrongAdmin } from './broken.ts';
import type { BrokenAdapters } from './broken.ts';

/** Secrets where they must not be, and optional operations that do not do what they are there for. */
export const leaksAndBreaksItsWord: BrokenAdapters = {
  'throws the admin secret in a message': {
    mistake: (right) => ({
      list: (target, call) =>
        right.list(target, call).catch(async (error: unknown) => {
          throw new KeybatonError(codeOf(error), `GET /keys failed: Bearer ${(await target.admin()).revealValue()}`);
        }),
    }),
    caughtBy: wrongAdmin,
  },
  'throws the value in a cause': {
    mistake: (right) => ({
      verify: (target, material, call) =>
        right.verify(target, material, call).catch((error: unknown) => {
          throw new KeybatonError(codeOf(error), 'failed', {
            cause: {
              config: { headers: new Map([['authorization', Buffer.from(material.revealValue()).toString('base64')]]) },
            },
          });
        }),
    }),
    caughtBy: unreachable,
  },
  'throws what is no error of ours': {
    mistake: (right) => ({
      list: (...given) => right.list(...given).catch((error: unknown) => Promise.reject(new TypeError(String(error)))),
    }),
    caughtBy: wrongAdmin,
  },
  'puts the value into the ref': {
    mistake: (right) => ({
      async issue(target, request, call) {
        const issued = await orFail(right.issue?.bind(right))(target, request, call);
        return { ...issued, ref: { ...issued.ref, parent: issued.material.revealValue() } };
      },
    }),
    caughtBy: 'refs, baselines, lists and hints hold no secret',
  },
  'prints the value': {
    mistake: (right) => ({
      verify(target, material, call) {
        process.stderr.write(`checking ${material.revealValue()}\n`);
        return right.verify(target, material, call);
      },
    }),
    caughtBy: 'nothing is printed, in success or in failure',
  },
  'has no key id for the person at 3 a.m.': {
    mistake: () => ({ killByHand: () => 'open the console' }),
    caughtBy: 'the text for the person at 3 a.m. names the key and holds no secret',
  },
  'suspends nothing': {
    mistake: () => ({ suspend: async () => {} }),
    caughtBy: 'a suspended version is refused and listed as disabled; resumed it is accepted again',
  },
  'shows another value than it issued': {
    powers: { recover: true },
    mistake: () => ({ recover: async () => new SecretMaterial({ api_key: 'another value' }, 'api_key') }),
    caughtBy: 'recover shows the same value again, and NOT_FOUND once it is gone',
  },
  'leaves sessions open when it revokes': {
    powers: { usage: 'sample' },
    mistake: (right) => ({ endSessions: async () => {}, revoke: (...given) => right.revoke(...given) }),
    caughtBy: 'endSessions ends what a version holds open, and none open is success',
  },
  'does not see a use': {
    mistake: () => ({ usage: async () => ({ kind: 'timestamp' as const }) }),
    caughtBy: 'a use by a consumer is seen within the declared lag',
  },
  'adopts what is known already': {
    powers: supplied,
    mistake: (right) => ({
      adopt: (target, request, call) =>
        orFail(right.adopt?.bind(right))(target, { ...request, known: [] }, call).catch(async (error: unknown) => {
          if (codeOf(error) !== 'VERIFICATION_FAILED') throw error;
          const [any] = await right.list(target, call);
          return { ref: orFail(any).ref, material: request.material };
        }),
    }),
    caughtBy: 'adopt refuses a key that is known already, and leaves it alive',
  },
};
