import type { AdviceCode } from './advice.ts';
import { noKeyNeeded } from './keys-not-needed.ts';
import { noEnd, noLimit, wideScope } from './loose-keys.ts';
import { oneValueTwice, sharedKey } from './shared-keys.ts';
import { adminInTwoEnvironments, placeInTwoEnvironments } from './two-environments.ts';
import { unknownTarget } from './unknown-target.ts';
import { neverProved, nobodyProves, silenceNotAsked, weakProof } from './unproved-use.ts';
import type { AdviceRule } from './world.ts';

/** Every rule by the code of its advice, in the order of the answer: what weighs most first. All are asked. */
export const adviceRules: Readonly<Record<AdviceCode, AdviceRule>> = {
  'one-value-twice': oneValueTwice,
  'unknown-target': unknownTarget,
  'no-key-needed': noKeyNeeded,
  'shared-key': sharedKey,
  'no-end': noEnd,
  'no-limit': noLimit,
  'wide-scope': wideScope,
  'place-in-two-environments': placeInTwoEnvironments,
  'admin-in-two-environments': adminInTwoEnvironments,
  'weak-proof': weakProof,
  'nobody-proves': nobodyProves,
  'silence-not-asked': silenceNotAsked,
  'never-proved': neverProved,
};
