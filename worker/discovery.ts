import { randomBytes } from 'node:crypto';
import { backendRegistry } from '../backends/registry.ts';
import type { Discovery, LookRequest, Seen } from '../control/discovery.ts';
import { KeybatonError } from '../domain/errors.ts';
import { providers, valueRevokers } from '../providers/registry.ts';
import { bindings, type Adapters, type Places } from './bindings.ts';
import { noKey } from './containment-ports.ts';
import { readInstallationKey } from './installation-key.ts';
import { inventoryAdapters } from './inventory-adapters.ts';
import { listedHints } from './listed-hints.ts';
import { loadConfig } from './load-config.ts';
import { readAdmin } from './admin-material.ts';
import { recogniser } from './recognise.ts';
import { readersIn } from './seen-readers.ts';
import { readSettings } from './settings.ts';
import { walkBackends } from './walk-backends.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** `keybaton discover`: opens no ledger, and makes nothing. */
export async function openDiscovery(environment: Environment): Promise<Discovery> {
  const settings = readSettings(environment);
  const outside = settings.config === undefined ? { providers: {}, backends: {} } : await loadConfig(settings.config);
  const adapters: Adapters = {
    providers: { ...outside.providers, ...providers },
    backends: { ...outside.backends, ...backendRegistry },
  };
  const key = await readInstallationKey({ home: settings.home, environment, create: false }).catch(() => noKey);

  return {
    adapters: inventoryAdapters(adapters),

    async stores(place, signal) {
      const factory = adapters.backends[place.kind];
      if (factory === undefined) throw new KeybatonError('INVALID_CONFIG', `there is no kind of backend ${place.kind}`);
      const access = { name: place.kind, admin: () => readAdmin(place.admin, environment, nowhere) };
      const stores = await factory.stores?.(place.settings, access, callUntil(signal));
      return (
        stores && {
          settings: stores.filter(({ trouble }) => trouble === undefined).map(({ settings: own }) => own),
          unseen: stores.flatMap(({ settings: own, trouble }) =>
            trouble === undefined
              ? []
              : [{ where: Object.values(own).join(' '), code: trouble.code, why: trouble.message }],
          ),
        }
      );
    },

    async look(request): Promise<Seen> {
      const at = Date.now();
      const bound = bindings({ places: placesOf(request), key, adapters, environment });
      const hints = await listedHints(request.targets, bound.provider, request.signal);
      const walked = await walkBackends({
        backends: Object.keys(request.backends),
        open: bound.backend,
        below: request.below,
        call: callUntil(request.signal),
        recogniser: recogniser(adapters.providers, valueRevokers),
        hints,
        // A key of this moment: what is compared under it tells nothing to anybody afterwards.
        pepper: randomBytes(32),
      });
      const readers = await readersIn(request, walked.keys, at);
      return {
        at,
        ...walked,
        keys: walked.keys.map((one) => ({ ...one, readers: readers.of(one.backend, one.path) })),
        unseen: [...hints.troubles, ...walked.unseen, ...readers.troubles],
        targets: hints.targets(),
        trail: readers.trail,
      };
    },
  };
}

const nowhere = {
  managed: () => refuse('credential:'),
  looked: () => refuse('vault:'),
};

function refuse(form: string): never {
  throw new KeybatonError('UNSUPPORTED', `an admin reference that begins with ${form} needs targets.yml`);
}

/** A walk takes as long as it takes; each call has its own time-out. */
const callUntil = (signal: AbortSignal) => ({
  signal,
  deadline: Number.MAX_SAFE_INTEGER,
  now: () => Date.now(),
});

function placesOf({ backends, targets }: LookRequest): Places {
  const own = <Value>(of: Readonly<Record<string, Value>>, name: string, what: string): Value => {
    const found = Object.hasOwn(of, name) ? of[name] : undefined;
    if (found !== undefined) return found;
    throw new KeybatonError('NOT_FOUND', `${what} ${name} is not known here: name it in the targets file`);
  };
  return {
    target: async (name) => own(targets, name, 'target'),
    backend: async (name) => own(backends, name, 'backend'),
    // Nobody's: every key at a target is somebody else's here.
    installation: async () => 'discover',
    managed: async () => refuse('credential:'),
  };
}
