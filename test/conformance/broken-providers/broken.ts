import type { InMemorySettings, Powers } from '../../../providers/in-memory/settings.ts';
import type { Provider } from '../../../providers/provider.ts';

export type Adapter = Provider<InMemorySettings>;

export interface Broken {
  readonly powers?: Partial<Powers>;
  /** The mistake, over a working adapter. */
  readonly mistake: (right: Adapter) => Partial<Adapter>;
  /** The test that must catch it. */
  readonly caughtBy: string;
}

export type BrokenAdapters = Readonly<Record<string, Broken>>;

export const slots: Partial<Powers> = { keys: 'dual-slot', makes: 'generate', usage: 'sample' };
export const supplied: Partial<Powers> = { keys: 'operator-supplied' };

export const wrongAdmin = 'a wrong admin credential is ACCESS_DENIED in every operation, never an answer';
export const unreachable = 'an unreachable provider is UNAVAILABLE in every operation, never an answer';

export function orFail<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Error('the adapter lacks what the mistake is made with');
  return thing;
}
