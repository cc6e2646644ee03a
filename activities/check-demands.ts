import { formatDuration } from '../domain/duration.ts';
import type { Entry } from '../domain/entry.ts';
import type { CredentialId } from '../domain/identifiers.ts';
import type { MaterialShape, Traits } from '../providers/provider.ts';
import type { CheckFinding } from './check-finding.ts';

/** What is known of a target before it is applied: from targets.yml, and from its adapter. */
export interface DemandedTarget {
  readonly traits: Traits;
  readonly material: MaterialShape;
  /** A person makes the value, so it must be read back from a backend to be adopted. */
  readonly supplied: boolean;
  /** Milliseconds after which the provider ends a version by itself; undefined: it does not, or as long as we ask. */
  readonly expiry: number | undefined;
  readonly probes: readonly string[];
  /** Where its admin credentials live: one, or a second one beside it. */
  readonly admins: readonly AdminHome[];
}

export type AdminHome =
  | { readonly kind: 'outside' }
  | { readonly kind: 'backend'; readonly backend: string }
  | { readonly kind: 'credential'; readonly id: CredentialId };

export interface DemandsInput {
  readonly entries: readonly Entry[];
  /** Entries of other teams, that share targets and may hold admin credentials. */
  readonly others: readonly Entry[];
  /** Why a target cannot be asked, where its adapter or settings are wrong. */
  readonly targets: ReadonlyMap<string, DemandedTarget | { readonly trouble: string }>;
  /** False: write-only. Undefined: not known. */
  readonly readable: (backend: string) => boolean | undefined;
  /** Does it keep a record of who read which version, that we can read? */
  readonly keepsReadings: (backend: string) => boolean;
}

type Miss = { readonly text: string; readonly remedy: string };

/** Can these entries' targets and consumers show what the entries demand? One finding per entry that cannot. Pure. */
export function checkDemands(input: DemandsInput): readonly CheckFinding[] {
  return input.entries.flatMap((entry): readonly CheckFinding[] => {
    const target = input.targets.get(entry.target);
    // A target that does not exist is a mistake of the file, told where the file is read.
    if (target === undefined) return [];
    if ('trouble' in target) {
      const remedy = `correct target ${entry.target} in targets.yml, or start with the configuration that brings its adapter`;
      return [{ subject: entry.id, verdict: 'cannot tell', text: target.trouble, remedy }];
    }
    const misses = [
      ...unshownEvidence(entry, target),
      ...unseenReading(entry, input),
      ...unseenSilence(entry, target),
      ...shortExpiry(entry, target),
      ...noRoom(entry, target, input),
      ...lockedAway(entry, target, input),
      ...unreadable(entry, target, input),
    ];
    if (misses.length === 0) return [];
    const joined = (part: keyof Miss): string => [...new Set(misses.map((miss) => miss[part]))].join('; ');
    return [{ subject: entry.id, verdict: 'failure', text: joined('text'), remedy: joined('remedy') }];
  });
}

function unshownEvidence({ consumers, backends }: Entry, target: DemandedTarget): readonly Miss[] {
  if ('none' in consumers) return [];
  const { value } = target.material;
  const carries = (fields: Readonly<Record<string, string>> | undefined): boolean =>
    fields === undefined ||
    Object.values(fields).some((template) => new RegExp(`\\{${value}(?:\\|[a-z0-9]+)?\\}`).test(template));
  const unproved = consumers
    .filter(({ demand }) => demand === 'possession' && backends.some(({ fields }) => !carries(fields)))
    .map(({ name }): Miss => ({
      text: `${name} cannot prove possession: what it reads leaves out ${value}, which the proof is made from`,
      remedy: `map {${value}} into a field, or demand less`,
    }));
  const unasked = consumers
    .filter(
      ({ demand, probe }) => demand === 'endpoint-reported' && (probe === undefined || !target.probes.includes(probe)),
    )
    .map(({ name }): Miss => ({
      text: `${name} cannot be asked which version it uses: its target has no such probe`,
      remedy: 'name a probe of the target, or demand possession',
    }));
  return [...unproved, ...unasked];
}

function unseenReading({ consumers, backends }: Entry, { keepsReadings }: DemandsInput): readonly Miss[] {
  if ('none' in consumers) return [];
  const observed = consumers.filter(({ demand }) => demand === 'observed-read');
  const unnamed = observed
    .filter(({ reader }) => reader === undefined)
    .map(({ name }): Miss => ({
      text: `readings of ${name} cannot be told from others': nothing says who it is to the backend`,
      remedy: 'give it a reader, such as role:web, or demand other evidence',
    }));
  if (observed.length === 0 || backends.some(({ backend }) => keepsReadings(backend))) return unnamed;
  return [
    ...unnamed,
    {
      text: 'observed-read cannot be shown: none of its backends keeps a record of readings that keybaton reads',
      remedy: 'give its vault-kv backend an auditFile, or demand other evidence',
    },
  ];
}

/** Where the provider has the signal, T must outlast its lag: less can never be seen. */
function unseenSilence({ silence }: Entry, { traits }: DemandedTarget): readonly Miss[] {
  if ('no' in silence || traits.usage === undefined || silence.for >= traits.usage.lag) return [];
  return [
    {
      text: `silence of ${formatDuration(silence.for)} is shorter than the last-use signal runs behind (${formatDuration(traits.usage.lag)})`,
      remedy: `ask for at least ${formatDuration(traits.usage.lag)} of silence`,
    },
  ];
}

/** A key that the provider ends by itself must outlive two intervals and the longest hold. */
function shortExpiry({ schedule, soak, silence, consumers }: Entry, { expiry }: DemandedTarget): readonly Miss[] {
  if (expiry === undefined) return [];
  const deadlines = 'none' in consumers ? [] : consumers.map(({ deadline }) => deadline);
  const least = 2 * schedule.every + Math.max(0, ...deadlines) + soak + ('for' in silence ? silence.for : 0);
  if (expiry >= least) return [];
  return [
    {
      text: `its keys would end by themselves after ${formatDuration(expiry)}, and two intervals with the longest hold are ${formatDuration(least)}`,
      remedy: 'rotate more often, or choose a longer expiry for the target',
    },
  ];
}

/** Old and new at once, and a standby beside them. */
function noRoom(entry: Entry, { traits }: DemandedTarget, { entries, others }: DemandsInput): readonly Miss[] {
  if (traits.maxLive === undefined) return [];
  const own = new Set(entries.map(({ id }) => id));
  const sharers = [...entries, ...others.filter(({ id }) => !own.has(id))].filter(
    ({ target }) => target === entry.target,
  );
  const needed = sharers.reduce((sum, { standby }) => sum + (standby ? 3 : 2), 0);
  if (needed <= traits.maxLive) return [];
  return [
    {
      text: `target ${entry.target} has room for ${traits.maxLive} live keys, and its entries need ${needed} (two each, three with a standby)`,
      remedy: 'give it a target of its own, or no standby',
    },
  ];
}

/** Containment must be able to read an admin credential when the backend that holds the leaked key is down. */
function lockedAway(entry: Entry, { admins }: DemandedTarget, { entries, others }: DemandsInput): readonly Miss[] {
  const homesOf = (admin: AdminHome): readonly string[] => {
    if (admin.kind === 'outside') return [];
    if (admin.kind === 'backend') return [admin.backend];
    return [...entries, ...others].find(({ id }) => id === admin.id)?.backends.map(({ backend }) => backend) ?? [];
  };
  const inside = admins.map(homesOf);
  const here = (home: string): boolean => entry.backends.some(({ backend }) => backend === home);
  if (!inside.every((homes) => homes.length > 0 && homes.every(here))) return [];
  return [
    {
      text: 'the admin credential that would contain a leak lives only in a backend that holds this credential too',
      remedy:
        'keep the admin credential of the target elsewhere (env:, file: or another backend), or give it a secondAdmin',
    },
  ];
}

function unreadable({ backends }: Entry, { supplied }: DemandedTarget, { readable }: DemandsInput): readonly Miss[] {
  if (backends.some(({ backend }) => readable(backend) !== false)) return [];
  return [
    {
      text: supplied
        ? 'a person supplies its values, and none of its backends can be read: they could be stored and never adopted'
        : 'none of its backends can be read: staged versions would be kept nowhere, and no death could be proved',
      remedy: 'add a backend that can be read',
    },
  ];
}
