import type { Ref } from '../../domain/facts.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import {
  reconcileTarget,
  sameKey,
  type JudgedKey,
  type KeptKey,
  type KeyStanding,
  type ReportedKey,
  type TargetReport,
} from '../../domain/reconcile.ts';
import type { Sighting, SightingKind } from '../../ledger/ledger.ts';
import type { Traits } from '../../providers/provider.ts';
import { providerCall } from '../calls.ts';
import { within } from '../check-finding.ts';
import type { ActivityPorts } from '../ports.ts';

/** Longest time for one target's list, in milliseconds: it may have many pages. */
const patience = 60_000;

/**
 * Every live key of one target against the ledger, which is read before and after the provider is asked: what changed in
 * between is nobody's stray. Notes what was seen; changes nothing at the provider.
 */
export async function compareTarget(
  ports: ActivityPorts,
  target: string,
  signal: AbortSignal,
): Promise<TargetReport & { readonly present: readonly VersionId[] }> {
  const { ledger } = ports;
  const provider = await ports.provider(target);
  // Where keys cannot be listed nothing is stray, and nothing has vanished.
  if (provider.traits.lists === false)
    return { target, trouble: undefined, present: [], ours: 0, keys: [], vanished: [] };
  const before = await ledger.keysOfTarget(target);
  const listed = await within(patience, signal, (inner) =>
    provider.list(providerCall(ports, provider.traits.callTimeout, inner)),
  );
  const after = await ledger.keysOfTarget(target);
  const ignored = (await ledger.ignoredKeys(target)).map((one) => one.ref);
  const shared = { installation: provider.installation, settle: listedWithin(provider.traits), listed, ignored };
  const [first, second] = [
    reconcileTarget({ ...shared, kept: before, now: await ledger.clock() }),
    reconcileTarget({ ...shared, kept: after, now: await ledger.clock() }),
  ];
  const keys = second.keys.map((one, index) => milder(one, first.keys[index]));
  const gone = second.vanished.filter(({ kept }) => first.vanished.some((one) => one.kept.version === kept.version));

  const sighted = async (kind: SightingKind, refs: readonly Ref[]): Promise<readonly Sighting[]> =>
    ledger.sighted({ target, kind, refs });
  const of = (standing: KeyStanding): readonly Ref[] =>
    keys.flatMap((one) => (one.standing === standing ? [one.key.ref] : []));
  const strays = await sighted('stray', of('stray'));
  const unmanaged = await sighted('unmanaged', of('unmanaged'));
  const missing = await sighted(
    'vanished',
    gone.map(({ kept }) => refOf(kept)),
  );
  const apart = longestIssue(provider.traits);
  const report = (one: JudgedKey): readonly ReportedKey[] => {
    const { key, standing, kept } = one;
    if (standing === 'ours') return [];
    const seen = [...strays, ...unmanaged].find(({ ref }) => same(ref, key.ref));
    return [
      {
        ref: key.ref,
        standing,
        credential: kept?.credential,
        version: kept?.version ?? (key.tag?.installation === provider.installation ? key.tag.version : undefined),
        hint: key.hint,
        createdAt: key.createdAt,
        firstAt: seen?.firstAt,
        ripe: standing === 'stray' && seen !== undefined && seen.lastAt - seen.firstAt > apart,
      },
    ];
  };
  return {
    target,
    trouble: undefined,
    present: second.present.map(({ version }) => version),
    ours: keys.filter((one) => one.standing === 'ours').length,
    keys: keys.flatMap(report),
    vanished: gone.map(({ kept, how }) => ({
      credential: kept.credential,
      version: kept.version,
      ref: refOf(kept),
      how,
      firstAt: missing.find(({ ref }) => same(ref, refOf(kept)))?.firstAt ?? 0,
    })),
  };
}

/** What either reading of the ledger explains is explained. */
function milder(one: JudgedKey, other: JudgedKey | undefined): JudgedKey {
  const explained = (judged: JudgedKey | undefined): boolean =>
    judged?.standing === 'ours' || judged?.standing === 'in doubt';
  return !explained(one) && other !== undefined && explained(other) ? other : one;
}

const refOf = ({ refs }: KeptKey): Ref => refs.find(({ gone }) => !gone)?.ref ?? { id: '' };

/** Exactly this one: sightings of two generations in one slot are two. */
const same = (one: Ref, other: Ref): boolean =>
  sameKey(one, other) && one.mark === other.mark && one.parent === other.parent;

/** A create that was answered is listed after this for sure. */
const listedWithin = ({ lateCreate, createSpread }: Traits): number => lateCreate + createSpread;

/** Nothing that makes a key lasts longer: the effect's own time, its call, a late create, and its spread. */
export const longestIssue = (traits: Traits): number => 20_000 + traits.callTimeout + listedWithin(traits);
