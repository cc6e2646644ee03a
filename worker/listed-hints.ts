import { fitsHint, looksLike } from '../activities/fingerprint.ts';
import type { BoundProvider } from '../activities/ports.ts';
import type { SeenKey, SeenTarget, Unseen } from '../control/discovery.ts';
import { codeOf, isKeybatonError, KeybatonError } from '../domain/errors.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import type { Targets } from '../inventory/targets.ts';
import type { LiveCredential } from '../providers/provider.ts';

/** What targets show of their live keys, held against what a walk finds. */
export interface ListedHints {
  /** Keys whose masked value fits; remembered as found. */
  fitting(material: SecretMaterial): SeenKey['refs'];
  /** After the walk. */
  targets(): readonly SeenTarget[];
  readonly troubles: readonly Unseen[];
}

/** Milliseconds for listing one target. */
const patience = 30_000;

interface Listed {
  readonly target: string;
  readonly provider: BoundProvider;
  readonly keys: readonly LiveCredential[];
  readonly found: Set<string>;
}

/** Asks every target for its list. One that does not answer is a trouble, and stops no other. */
export async function listedHints(
  targets: Targets['targets'],
  bind: (target: string) => Promise<BoundProvider>,
  signal: AbortSignal,
): Promise<ListedHints> {
  const troubles: Unseen[] = [];
  const all: Listed[] = [];
  for (const target of Object.keys(targets)) {
    try {
      const provider = await bind(target);
      all.push({ target, provider, keys: await listInTime(provider, signal), found: new Set() });
    } catch (thrown) {
      const why = isKeybatonError(thrown) ? thrown.message : 'its adapter failed';
      troubles.push({ where: `target ${target}`, code: codeOf(thrown), why });
    }
  }

  return {
    troubles,
    fitting: (material) =>
      all.flatMap(({ target, provider, keys, found }) => {
        if (!looksLike(provider.material.pattern, material)) return [];
        const fits = keys.filter(({ hint }) => fitsHint(hint, material) === 'fits');
        fits.forEach(({ ref }) => found.add(ref.id));
        return fits.map(({ ref, createdAt }) => ({ target, id: ref.id, createdAt }));
      }),
    targets: () =>
      all.map(({ target, keys, found }) => {
        // With a mark of a keybaton: its ledger knows it.
        const strange = keys.filter(({ tag, ref }) => tag === undefined && !found.has(ref.id));
        const shown = strange.filter(({ hint }) => showsItself(hint));
        return {
          target,
          listed: keys.length,
          unmanaged: shown.map(({ ref, createdAt }) => ({ id: ref.id, createdAt })),
          hidden: strange.length - shown.length,
        };
      }),
  };
}

const showsItself = (hint: string | undefined): boolean => /(?:\.{3}|…|\*{2})/.test(hint ?? '');

async function listInTime(provider: BoundProvider, stop: AbortSignal): Promise<readonly LiveCredential[]> {
  const signal = AbortSignal.any([stop, AbortSignal.timeout(patience)]);
  const late = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new KeybatonError('UNAVAILABLE', 'it does not answer')), {
      once: true,
    });
  });
  const call = { signal, deadline: Date.now() + patience, now: () => Date.now(), random: () => new Uint8Array() };
  return Promise.race([provider.list(call), late]);
}
