import { fitsHint, looksLike } from '../activities/fingerprint.ts';
import type { BoundProvider } from '../activities/ports.ts';
import { isKeybatonError, KeybatonError } from '../domain/errors.ts';
import { isCredentialId, isVersionId, parseCredentialId } from '../domain/identifiers.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { FrozenVersion } from '../domain/incident.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import { asTargets } from '../inventory/targets.ts';
import type { LiveCredential } from '../providers/provider.ts';

export interface Listing {
  /** Binds the targets of a file, with the admin references it names. */
  readonly bound: (targets: unknown, installation: string | undefined) => (target: string) => Promise<BoundProvider>;
  /** Of the kill sheet: whose version is it? */
  readonly ownerOf: (version: VersionId) => Promise<CredentialId | undefined>;
  readonly now: () => number;
}

interface Found {
  readonly versions: readonly FrozenVersion[];
  readonly troubles: readonly string[];
}

/** Milliseconds for listing one target. */
const patience = 10_000;

/** Every live key with our tag, of every target. A target that does not answer is a trouble, and stops no other. */
export async function listedWithOurTag(
  input: Listing,
  targets: unknown,
  installation: string | undefined,
): Promise<Found> {
  return everyTarget(input, targets, installation, async (provider, environment, listed) => {
    const ours = listed.filter(({ tag }) => tag?.installation === provider.installation);
    return { versions: await frozen(input, provider, environment, ours), troubles: [] };
  });
}

/** Live keys whose masked value fits. One that is not ours is told, and never killed by us. */
export async function hinted(input: Listing, value: SecretMaterial, targets: unknown): Promise<Found> {
  return everyTarget(input, targets, undefined, async (provider, environment, listed) => {
    if (!looksLike(provider.material.pattern, value)) return { versions: [], troubles: [] };
    const fitting = listed.filter(({ hint }) => fitsHint(hint, value) === 'fits');
    const ours = fitting.filter(({ tag }) => tag?.installation === provider.installation);
    return {
      versions: await frozen(input, provider, environment, ours),
      troubles: fitting
        .filter((live) => !ours.includes(live))
        .map(
          ({ ref }) =>
            `key ${ref.id} of target ${provider.target} fits what leaked, and keybaton did not make it. By hand: ${provider.killByHand(ref)}`,
        ),
    };
  });
}

async function everyTarget(
  { bound, now }: Listing,
  targets: unknown,
  installation: string | undefined,
  look: (provider: BoundProvider, environment: string, listed: readonly LiveCredential[]) => Promise<Found>,
): Promise<Found> {
  const bind = bound(targets, installation);
  const found = await Promise.all(
    Object.entries(asTargets(targets).targets).map(async ([name, { environment }]): Promise<Found> => {
      try {
        const provider = await bind(name);
        return await look(provider, environment, await listInTime(provider, now));
      } catch (thrown) {
        const why = isKeybatonError(thrown) ? thrown.message : 'its adapter failed';
        return { versions: [], troubles: [`target ${name} could not be asked: ${why}`] };
      }
    }),
  );
  return { versions: found.flatMap(({ versions }) => versions), troubles: found.flatMap(({ troubles }) => troubles) };
}

async function listInTime(provider: BoundProvider, now: () => number): Promise<readonly LiveCredential[]> {
  const signal = AbortSignal.timeout(patience);
  const late = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new KeybatonError('UNAVAILABLE', 'it does not answer')), {
      once: true,
    });
  });
  const call = { signal, deadline: now() + patience, now, random: () => new Uint8Array() };
  return Promise.race([provider.list(call), late]);
}

async function frozen(
  { ownerOf, now }: Listing,
  provider: BoundProvider,
  environment: string,
  listed: readonly LiveCredential[],
): Promise<readonly FrozenVersion[]> {
  const byVersion = Map.groupBy(listed, ({ tag }) => tag?.version ?? '');
  const versions: FrozenVersion[] = [];
  for (const [version, some] of byVersion) {
    if (!isVersionId(version)) continue;
    versions.push({
      credential: (await ownerOf(version)) ?? nameless(provider, environment, version),
      version,
      target: provider.target,
      refs: some.map(({ ref }) => ref),
      lateUntil: 0,
      fingerprint: undefined,
      places: [],
      onlyByHand: false,
      policy: 'revoke-first',
      killAt: now(),
    });
  }
  return versions;
}

/** A tag says which version a key is, not whose: it goes by its provider, environment and version until the ledger is asked. */
function nameless(provider: BoundProvider, environment: string, version: VersionId): CredentialId {
  const name = `${provider.name}/${environment}/${version}`;
  return isCredentialId(name) ? name : parseCredentialId(`unknown/unknown/${version}`);
}
