import { randomBytes } from 'node:crypto';
import { fingerprint, looksLike } from '../activities/fingerprint.ts';
import type { ContainmentPorts } from '../activities/containment/ports.ts';
import type { KnownKeys } from '../control/incident-ports.ts';
import { isKeybatonError, KeybatonError } from '../domain/errors.ts';
import { isCredentialId } from '../domain/identifiers.ts';
import type { FrozenVersion } from '../domain/incident.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import { asTargets } from '../inventory/targets.ts';
import { valueRevokers } from '../providers/registry.ts';
import type { ValueRevoker } from '../providers/value-revoker.ts';
import { bindings, type Adapters, type Places } from './bindings.ts';
import { noKey, type OpenContainment } from './containment-ports.ts';
import type { InstallationKey } from './installation-key.ts';
import { hinted, listedWithOurTag, type Listing } from './listed-keys.ts';
import { readKillSheet } from './read-kill-sheet.ts';
import { storedAs } from './stored-keys.ts';

export interface KnownKeysInput {
  readonly ports: OpenContainment;
  readonly adapters: Adapters;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Undefined on a machine without one. */
  readonly key: InstallationKey | undefined;
  readonly killSheet: string;
  readonly revokers?: readonly ValueRevoker[];
}

/** Milliseconds for one call to a vendor that kills by value. */
const revokerPatience = 15_000;

/** What is known of keys where the ledger cannot be asked. None of it has an effect but `revokeByValue`. */
export function openKnownKeys(input: KnownKeysInput): KnownKeys {
  const { ports, adapters, revokers = valueRevokers } = input;
  const everyAdapter = Object.entries(adapters.providers).map(([name, make]) => ({ name, adapter: make() }));

  const listing = listingOf(input);

  return {
    killSheet: () => readKillSheet(input.killSheet),

    listed: (targets, installation) => listedWithOurTag(listing, targets, installation),

    async fingerprints(value) {
      const { key } = input;
      if (key === undefined)
        throw new KeybatonError('NOT_FOUND', 'this machine has no installation key: no fingerprint can be compared');
      // Several names may stand for one adapter, whose own name is in the fingerprint.
      const names = new Set(everyAdapter.map(({ adapter }) => adapter.name));
      return [...names].map((provider) => ({
        provider,
        fingerprint: fingerprint(key.derive('pepper'), key.id, provider, value),
      }));
    },

    providersByShape: (value) =>
      everyAdapter
        .filter(({ adapter: { material } }) => material.pattern !== undefined && looksLike(material.pattern, value))
        .map(({ name }) => name),

    byHint: (value, targets) => hinted(listing, value, targets),

    byStoredValue: (value, sheet) => storedAs(ports, value, sheet),

    async revokeByValue(value) {
      const revoker = revokers.find(({ pattern }) => looksLike(pattern, value));
      if (revoker === undefined)
        throw new KeybatonError(
          'UNSUPPORTED',
          'no provider known here kills a value that it is shown: find out whose it is, and revoke it there',
        );
      await shown(revoker, value);
      return { provider: revoker.name };
    },

    byHand: (version) => byHand(ports, version),
  };
}

/** Targets and backends of the file given; what a file does not say, from wherever it is known. */
function listingOf({ ports, adapters, environment, key, killSheet }: KnownKeysInput): Listing {
  const { places } = ports;
  const missing = (what: string) => new KeybatonError('NOT_FOUND', `${what} is not in targets.yml`);
  return {
    now: () => ports.now(),
    async ownerOf(version) {
      const { sheet } = await readKillSheet(killSheet);
      const owner = sheet?.credentials.find(({ versions }) => versions.some((one) => one.version === version));
      return owner !== undefined && isCredentialId(owner.credential) ? owner.credential : undefined;
    },
    bound(given, installation) {
      const { targets, backends } = asTargets(given);
      const own: Places = {
        async target(name) {
          const target = targets[name];
          if (target === undefined) throw missing(`target ${name}`);
          return target;
        },
        backend: async (name) => backends[name] ?? places.backend(name),
        installation: async () => installation ?? places.installation(),
        managed: (id) => places.managed(id),
      };
      return bindings({ places: own, key: key ?? noKey, adapters, environment }).provider;
    },
  };
}

async function shown(revoker: ValueRevoker, value: SecretMaterial): Promise<void> {
  try {
    await revoker.revoke(value, {
      signal: AbortSignal.timeout(revokerPatience),
      deadline: Date.now() + revokerPatience,
      now: () => Date.now(),
      random: (bytes) => randomBytes(bytes),
    });
  } catch (thrown) {
    if (isKeybatonError(thrown)) throw thrown;
    throw new KeybatonError('UNAVAILABLE', `${revoker.name} could not be shown the value`, { cause: thrown });
  }
}

/** One text per ref; each may have several lines. Calls nobody. */
async function byHand(ports: ContainmentPorts, version: FrozenVersion): Promise<readonly string[]> {
  const { target, refs, lateUntil } = version;
  const texts: string[] = [];
  try {
    const provider = await ports.provider(target);
    texts.push(...refs.map((ref) => provider.killByHand(ref)));
    if (provider.traits.tagged)
      texts.push(
        `${lateUntil > 0 ? 'a create of it was never answered: ' : ''}any key of target ${target} that carries the mark ${provider.installation}:${version.version} is this version too`,
      );
  } catch (thrown) {
    const why = isKeybatonError(thrown) ? thrown.message : 'its adapter failed';
    texts.push(`how to kill keys of target ${target} is not known here: ${why}`);
    texts.push(...refs.map(({ id, parent }) => `revoke ${id}${parent === undefined ? '' : ` of ${parent}`}`));
  }
  if (refs.length === 0)
    texts.unshift(`nobody wrote down which key at target ${target} it is: find it in the provider's console`);
  return texts;
}
