import { KeybatonError, codeOf } from '../../../domain/errors.ts';
import { SecretMaterial } from '../../../domain/secret-material.ts';
import { orFail, slots } from './broken.ts';
import type { Adapter, BrokenAdapters } from './broken.ts';

/** Second credentials, and effects that come too early or too late. */
export const mintsAndRushes: BrokenAdapters = {
  'plans over a slot whose tenant is not dead': {
    powers: slots,
    mistake: (right) => ({
      async preflight(target, request, call) {
        const free = (await right.list(target, call)).map((one) => one.ref);
        return right.preflight(target, { ...request, free }, call);
      },
    }),
    caughtBy: 'slots: a version that nobody proved dead blocks its slot',
  },
  'issues over whatever stands in the slot': {
    powers: slots,
    mistake: (right) => ({
      async issue(target, request, call) {
        const tenant = (await right.list(target, call)).find((one) => one.ref.id === request.place);
        return orFail(right.issue?.bind(right))(
          target,
          { ...request, ...(tenant?.ref.mark !== undefined && { replaces: tenant.ref.mark }) },
          call,
        );
      },
    }),
    caughtBy: 'slots: issue is CONFLICT when the slot is not as it was planned, and changes nothing',
  },
  'mints a second key on a retry': {
    mistake: (right) => ({ issue: (target, request, call) => mintBeside(right, target, request, call) }),
    caughtBy: 'the same version id again leaves exactly one live credential',
  },
  'sets a value of its own instead of the staged one': {
    powers: { makes: 'generate' },
    mistake: (right) => ({
      async issue(target, request, call) {
        const material = new SecretMaterial({ api_key: `own_${'x'.repeat(30)}` }, 'api_key');
        const generated = request.generated && { ...request.generated, material };
        return orFail(right.issue?.bind(right))(target, { ...request, ...(generated && { generated }) }, call);
      },
    }),
    caughtBy: 'only the generated value is ever set, under the generated ref',
  },
  'generates the same value for everybody': {
    powers: { makes: 'generate' },
    mistake: (right) => ({
      generate: (target, request) =>
        orFail(right.generate?.bind(right))(target, { ...request, random: (bytes) => new Uint8Array(bytes) }),
    }),
    caughtBy: 'generate makes a new value each time from the randomness it is given, and nothing at the provider',
  },
  'brings a revoked version back when an issue comes late': {
    powers: { makes: 'generate' },
    mistake: (right) => {
      const asIfNew = (version: string): never => `kb${[...version.slice(2)].reverse().join('')}` as never;
      return {
        issue: (target, request, call) =>
          orFail(right.issue?.bind(right))(target, request, call).catch(async (error: unknown) => {
            if (codeOf(error) !== 'CONFLICT') throw error;
            return orFail(right.issue?.bind(right))(target, { ...request, version: asIfNew(request.version) }, call);
          }),
      };
    },
    caughtBy: 'a late issue of a revoked version is CONFLICT and does nothing',
  },
  'says nothing of a lost answer': {
    mistake: (right) => ({
      issue: (...given) =>
        orFail(right.issue?.bind(right))(...given).catch((error: unknown) =>
          Promise.reject(new KeybatonError(codeOf(error) === 'AMBIGUOUS' ? 'UNAVAILABLE' : codeOf(error), 'failed')),
        ),
    }),
    caughtBy: 'an issue whose answer was lost is AMBIGUOUS, and the retry leaves one live credential',
  },
  'issues after the deadline': {
    mistake: (right) => ({
      issue: (target, request, call) =>
        orFail(right.issue?.bind(right))(target, request, { ...call, deadline: Infinity }),
    }),
    caughtBy: 'nothing is issued after the deadline',
  },
  'issues when the caller has given up': {
    mistake: (right) => ({
      issue: (target, request, call) =>
        orFail(right.issue?.bind(right))(target, request, { ...call, signal: new AbortController().signal }),
    }),
    caughtBy: 'nothing is issued by a call that was given up',
  },
  'revokes after the deadline': {
    mistake: (right) => ({ revoke: (target, ref, call) => right.revoke(target, ref, { ...call, deadline: Infinity }) }),
    caughtBy: 'nothing is revoked after the deadline',
  },
  'waits for ever at the deadline': {
    mistake: (right) => ({
      list: (target, call) => right.list(target, { ...call, deadline: Infinity, signal: new AbortController().signal }),
    }),
    caughtBy: 'a provider that never answers is given up at the deadline',
  },
  'does not hear that the caller has given up': {
    mistake: (right) => ({
      verify: (target, material, call) =>
        right.verify(target, material, { ...call, signal: new AbortController().signal }),
    }),
    caughtBy: 'a provider that never answers is given up when the caller gives up',
  },
  'tags nothing though it says so': {
    mistake: (right) => ({
      list: async (...given) => (await right.list(...given)).map(({ tag: _tag, ...rest }) => rest),
    }),
    caughtBy: 'list shows an issued version, with its tag where the target has tags',
  },
  'tries the capacity out by making a key': {
    mistake: (right) => ({
      async preflight(target, request, call) {
        const baseline = await right.preflight(target, request, call);
        await orFail(right.issue?.bind(right))(target, { ...request, place: baseline.place }, call);
        return baseline;
      },
    }),
    caughtBy: 'preflight makes nothing and answers the same twice',
  },
  'does not look whether there is room': {
    powers: slots,
    mistake: (right) => ({
      preflight: (...given) =>
        right
          .preflight(...given)
          .catch((error: unknown) =>
            codeOf(error) === 'CAPACITY_EXHAUSTED' ? { place: 'a', live: [], at: 0 } : Promise.reject(error as Error),
          ),
    }),
    caughtBy: 'a full target is CAPACITY_EXHAUSTED before anything is made',
  },
  'takes settings that nobody knows': {
    mistake: (right) => ({
      settingsSchema: Object.assign(Object.create(right.settingsSchema as object), {
        safeParse: () => ({ success: true }),
      }),
    }),
    caughtBy: 'the settings schema takes the target and refuses a misspelt setting',
  },
  'declares a signal that it cannot read': {
    powers: { usage: undefined },
    mistake: (right) => ({
      traits: (settings) => ({ ...right.traits(settings), usage: { kind: 'timestamp', lag: 0 } }),
    }),
    caughtBy: 'the traits are sane and agree with the operations',
  },
};

/** A create that does not look for its own tag: the earlier key lives on under a tag of its own. */
async function mintBeside(
  right: Adapter,
  ...[target, request, call]: Parameters<NonNullable<Adapter['issue']>>
): ReturnType<NonNullable<Adapter['issue']>> {
  const before = await right.list(target, call);
  const issued = await orFail(right.issue?.bind(right))(
    target,
    before.length === 0 ? request : { ...request, version: `kb${'z'.repeat(30)}` as never },
    call,
  );
  return issued;
}
