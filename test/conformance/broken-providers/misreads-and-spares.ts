import { KeybatonError, codeOf } from '../../../domain/errors.ts';
import { orFail, slots, unreachable, wrongAdmin } from './broken.ts';
import type { BrokenAdapters } from './broken.ts';

/** Trouble read as an answer; revocations that miss, spare or hit the wrong thing. */
export const misreadsAndSpares: BrokenAdapters = {
  'reads a refused admin as an empty list': {
    mistake: (right) => ({ list: (...given) => right.list(...given).catch(() => []) }),
    caughtBy: wrongAdmin,
  },
  'reads an unreachable provider as already revoked': {
    mistake: (right) => ({ revoke: (...given) => right.revoke(...given).catch(() => {}) }),
    caughtBy: unreachable,
  },
  'reads a missing admin reference as already revoked': {
    mistake: (right) => ({
      revoke: (...given) =>
        right
          .revoke(...given)
          .catch((error: unknown) =>
            codeOf(error) === 'NOT_FOUND' ? undefined : Promise.reject(new KeybatonError(codeOf(error), 'failed')),
          ),
    }),
    caughtBy: 'an admin reference that is not found is that error, never "already gone"',
  },
  'reads an unreachable provider as refused': {
    mistake: (right) => ({ verify: (...given) => right.verify(...given).catch(() => 'refused' as const) }),
    caughtBy: unreachable,
  },
  'reads an unreachable provider as unused': {
    mistake: (right) => ({
      usage: (...given) => orFail(right.usage?.bind(right))(...given).catch(() => ({ kind: 'timestamp' as const })),
    }),
    caughtBy: unreachable,
  },
  'says unused of what is gone': {
    powers: { usage: 'counter' },
    mistake: (right) => ({
      usage: (...given) =>
        orFail(right.usage?.bind(right))(...given).catch((error: unknown) =>
          codeOf(error) === 'NOT_FOUND' ? { kind: 'counter' as const } : Promise.reject(error as Error),
        ),
    }),
    caughtBy: 'usage of a revoked version throws, or still tells its last use; it never says unused',
  },
  'accepts every value': {
    mistake: (right) => ({ verify: (...given) => right.verify(...given).then(() => 'accepted' as const) }),
    caughtBy: 'a value that nobody issued is refused',
  },
  'forgets to revoke': {
    mistake: () => ({ revoke: async () => {} }),
    caughtBy: 'a revoked version is refused and no longer listed as live',
  },
  'gives an id again that another key still has': {
    mistake(right) {
      const ids = new Map<string, string>();
      return {
        async issue(...given) {
          const made = await orFail(right.issue?.bind(right))(...given);
          const id = `row-${ids.size + 1}`;
          ids.set(id, made.ref.id);
          return { ...made, ref: { ...made.ref, id } };
        },
        async revoke(target, ref, call) {
          await right.revoke(target, { ...ref, id: ids.get(ref.id) ?? ref.id }, call);
          ids.delete(ref.id);
        },
      };
    },
    caughtBy: 'what is issued after a revocation gets an id of its own',
  },
  'only suspends instead of revoking': {
    mistake: (right) => ({ revoke: (...given) => orFail(right.suspend?.bind(right))(...given) }),
    caughtBy: 'a suspended version can be revoked',
  },
  'fails the second revoke': {
    mistake: (right) => ({
      async revoke(target, ref, call) {
        const there = (await right.list(target, call)).some((one) => one.ref.id === ref.id);
        if (!there) throw new KeybatonError('NOT_FOUND', 'no such key');
        return right.revoke(target, ref, call);
      },
    }),
    caughtBy: 'revoking twice is success',
  },
  'revokes everything there is': {
    mistake: (right) => ({
      async revoke(target, ref, call) {
        await right.revoke(target, ref, call);
        for (const other of await right.list(target, call)) await right.revoke(target, other.ref, call);
      },
    }),
    caughtBy: 'revoking one version leaves the other alive',
  },
  'ignores the mark when it revokes': {
    powers: slots,
    mistake: (right) => ({
      async revoke(target, ref, call) {
        const tenant = (await right.list(target, call)).find((one) => one.ref.id === ref.id);
        await right.revoke(target, tenant?.ref ?? ref, call);
      },
    }),
    caughtBy: 'slots: revoking an old generation leaves the new tenant of its slot alive',
  },
  'takes a slot without a mark for an empty one': {
    powers: slots,
    mistake: (right) => ({
      revoke: (...given) =>
        right
          .revoke(...given)
          .catch((error: unknown) => (codeOf(error) === 'CONFLICT' ? undefined : Promise.reject(error as Error))),
    }),
    caughtBy: 'slots: a slot without any mark is CONFLICT: nobody can tell whose it is',
  },
};
