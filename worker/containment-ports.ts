import { randomBytes } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import type { ContainmentPorts } from '../activities/containment/ports.ts';
import { fingerprint } from '../activities/fingerprint.ts';
import { KeybatonError } from '../domain/errors.ts';
import { bindings, type Adapters, type Bindings, type Places } from './bindings.ts';
import type { InstallationKey } from './installation-key.ts';
import { knownPlaces, type KnownChannels, type KnownPlacesInput } from './known-places.ts';

export interface ContainmentInput extends Pick<KnownPlacesInput, 'ledger' | 'killSheet' | 'patience' | 'leaveAlone'> {
  /** Undefined on a machine without one: keys can still be killed, and are proved dead as `absent`. */
  readonly key: InstallationKey | undefined;
  readonly adapters: Adapters;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export const targetsVariable = 'KEYBATON_TARGETS';
export const installationVariable = 'KEYBATON_INSTALLATION';

/** `places` and `secret` are for those who must find more than killing needs: who is told, say. */
export interface OpenContainment extends ContainmentPorts {
  readonly places: Places & KnownChannels;
  readonly secret: Bindings['secret'];
}

/** Binds killing to this process: targets from wherever they are still known, admin references read at the moment of use. */
export function containmentPorts(input: ContainmentInput): OpenContainment {
  const { key, adapters, environment } = input;
  const places = knownPlaces({
    ...input,
    targetsFile: environment[targetsVariable],
    installation: environment[installationVariable],
  });
  return {
    places,
    ...bindings({ places, key: key ?? noKey, adapters, environment }),
    // Fits none: then no stored value is taken for a version's own.
    fingerprint: (provider, material) =>
      key === undefined ? '' : fingerprint(key.derive('pepper'), key.id, provider, material),
    now: () => Date.now(),
    random: (bytes) => randomBytes(bytes),
    sleep: async (milliseconds, signal) => {
      await after(milliseconds, undefined, { signal }).catch(() => undefined);
    },
  };
}

/** Only a sealed backend asks for it. */
export const noKey = {
  derive(): never {
    throw new KeybatonError('NOT_FOUND', 'this machine has no installation key');
  },
};
