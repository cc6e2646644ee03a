import type { BackendContract } from '../backends/backend.ts';
import type { ProviderContract } from '../providers/provider.ts';

/** The versions of a contract that this keybaton keeps to. */
export interface KnownContract {
  readonly oldest: number;
  readonly newest: number;
}

const newestProvider: ProviderContract = 1;
const newestBackend: BackendContract = 1;

export const knownContracts: { readonly provider: KnownContract; readonly backend: KnownContract } = {
  provider: { oldest: 1, newest: newestProvider },
  backend: { oldest: 1, newest: newestBackend },
};

/** Why an adapter that says `said` about its contract must not be used, and what to do; undefined: it may. */
export function contractProblem(said: unknown, { oldest, newest }: KnownContract): string | undefined {
  if (said === undefined) {
    return `does not say which contract it was written for: run the kit of @keybaton/keybaton/conformance over it, and when it passes add "contract: ${newest}" beside its settingsSchema`;
  }
  if (typeof said !== 'number' || !Number.isInteger(said) || said < 1) {
    return `must say its contract as a whole number, such as "contract: ${newest}"`;
  }
  if (said > newest) {
    return `was written for contract ${said}, and this keybaton knows none newer than ${newest}: update keybaton, or use an older version of the adapter`;
  }
  if (said < oldest) {
    return `was written for contract ${said}, and this keybaton knows none older than ${oldest}: CHANGELOG.md says what changed; change the adapter, run the kit of @keybaton/keybaton/conformance over it, and when it passes say "contract: ${newest}"`;
  }
  return undefined;
}
