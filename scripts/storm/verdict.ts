import type { Trend } from './trend.ts';

/** What was seen of one storm: counted at consumers, at providers, in files and in the events; nothing is judged yet. */
export interface Seen {
  readonly rotations: readonly RotationSeen[];
  /** Answers "you are not let in" (and any other failure) that an application met. */
  readonly refusals: readonly RefusalSeen[];
  readonly queries: number;
  readonly incidents: readonly IncidentSeen[];
  readonly memory: Readonly<Record<string, Trend | undefined>>;
  readonly handles: Readonly<Record<string, Trend | undefined>>;
  readonly tables: readonly TableSeen[];
  /** Everything was quiet within the time given for it; otherwise what still moved. */
  readonly restless: readonly string[];
  /** Per credential, what lives of ours at its provider when all is quiet, and which version the ledger calls current. */
  readonly live: readonly LiveSeen[];
  /** Live with our mark, of no credential that the ledger knows. */
  readonly strays: readonly string[];
  /** Applications that could not work when all was quiet. */
  readonly idle: readonly string[];
  readonly chainWhole: boolean;
  /** Commands that ended in another way than done, refused because of a conflict, or asked to be typed again. */
  readonly failedCommands: readonly string[];
}

export interface RotationSeen {
  readonly credential: string;
  readonly run: string;
  readonly outcome: string | undefined;
  /** A person let it go on: by a release or a waiver, as its entry asks for. */
  readonly helped: boolean;
}

export interface RefusalSeen {
  readonly at: number;
  readonly credential: string;
  readonly consumer: string;
  readonly kind: 'failed' | 'retried';
  readonly code: string | undefined;
  readonly count: number;
}

export interface IncidentSeen {
  readonly incident: string;
  readonly credentials: readonly string[];
  readonly from: number;
  readonly closedAt: number | undefined;
}

export interface TableSeen {
  readonly table: string;
  /** Rows after the first third, and at the end. */
  readonly first: number;
  readonly last: number;
  /** Rotations that ended in between. */
  readonly rotations: number;
  /** Part of the record that is kept for ever. */
  readonly ofLedger: boolean;
}

export interface LiveSeen {
  readonly credential: string;
  readonly current: string | undefined;
  readonly live: readonly string[];
  /** Removed from the inventory: nothing of it may live. */
  readonly removed: boolean;
}

export interface Verdict {
  readonly promise: string;
  readonly kept: boolean;
  readonly found: string;
}

/** An application may meet a refusal from the declaration of an incident until its replacement has reached it. */
const afterwards = 5_000;
const megabyte = 1_048_576;

/**
 * A garbage collector takes its time to find how much it needs: what is looked at for minutes tells little, and in the first
 * minute or two after its start a process that has just met its work may well double.
 */
function memoryMayGrow({ first, minutes }: Trend): number {
  if (minutes < 2) return Math.max(256 * megabyte, first);
  return minutes < 10 ? Math.max(96 * megabyte, first * 0.3) : Math.max(48 * megabyte, first * 0.15);
}

export function judge(seen: Seen): readonly Verdict[] {
  return [
    refusals(seen),
    endings(seen),
    incidents(seen),
    ...growth('memory', seen.memory, memoryMayGrow, megabyte, 'MB'),
    ...growth('open handles', seen.handles, ({ first }) => Math.max(12, first * 0.2), 1, ''),
    tables(seen),
    rest(seen),
    alone(seen),
    {
      promise: 'at rest no stray lives at a provider',
      kept: seen.strays.length === 0,
      found: seen.strays.length === 0 ? '0' : seen.strays.join(', '),
    },
    {
      promise: 'at rest every application works',
      kept: seen.idle.length === 0 && seen.queries > 0,
      found: seen.idle.length === 0 ? `${seen.queries} queries in all` : seen.idle.join(', '),
    },
    { promise: 'the chain of the ledger is whole', kept: seen.chainWhole, found: seen.chainWhole ? 'yes' : 'no' },
    {
      promise: 'no command fails but by a conflict',
      kept: seen.failedCommands.length === 0,
      found: seen.failedCommands.length === 0 ? '0' : seen.failedCommands.slice(0, 3).join('; '),
    },
  ];
}

/** Those that no incident explains: a key that was killed because it leaked is refused, and must be. */
export function unexplained(seen: Pick<Seen, 'refusals' | 'incidents'>): readonly RefusalSeen[] {
  return seen.refusals.filter(
    ({ at, credential }) =>
      !seen.incidents.some(
        (one) =>
          one.credentials.includes(credential) &&
          at >= one.from &&
          (one.closedAt === undefined || at <= one.closedAt + afterwards),
      ),
  );
}

function refusals(seen: Seen): Verdict {
  const left = unexplained(seen);
  const count = left.reduce((sum, one) => sum + one.count, 0);
  return {
    promise: 'no application is refused by a scheduled rotation',
    kept: count === 0,
    found:
      count === 0
        ? `0 of ${seen.queries} queries`
        : `${count}: ${left.map((one) => `${one.consumer} ${one.kind} ${one.code ?? ''}`.trim()).join(', ')}`,
  };
}

const ended = new Set(['rotated', 'rolled-back', 'discarded', 'nothing', 'observed']);

/** More than 999 in 1,000; with fewer than 1,000 that means all. What a person's release belongs to is not counted. */
function endings(seen: Seen): Verdict {
  const alone = seen.rotations.filter(({ helped }) => !helped);
  const others = alone.filter(({ outcome }) => outcome === undefined || !ended.has(outcome));
  const share = alone.length === 0 ? 0 : (alone.length - others.length) / alone.length;
  const named = others.slice(0, 5).map(({ credential, outcome }) => `${credential} ${outcome ?? 'still open'}`);
  return {
    promise: 'more than 99.9 % of rotations end by themselves',
    kept: share > 0.999,
    found: `${alone.length - others.length} of ${alone.length}${named.length === 0 ? '' : `; ${named.join(', ')}`}`,
  };
}

function incidents(seen: Seen): Verdict {
  const open = seen.incidents.filter(({ closedAt }) => closedAt === undefined);
  return {
    promise: 'every incident closes by itself',
    kept: open.length === 0,
    found: `${seen.incidents.length - open.length} of ${seen.incidents.length}`,
  };
}

function growth(
  what: string,
  trends: Seen['memory'],
  allowed: (trend: Trend) => number,
  unit: number,
  name: string,
): readonly Verdict[] {
  return Object.entries(trends).map(([process, trend]) => {
    const promise = `${what} of ${process}: flat`;
    if (trend === undefined) return { promise, kept: false, found: 'too few samples to tell' };
    const figure = (value: number): string => `${(value / unit).toFixed(unit === 1 ? 0 : 1)} ${name}`.trim();
    return {
      promise,
      kept: trend.grown <= allowed(trend),
      found: `${figure(trend.first)} to ${figure(trend.last)}, by slope ${figure(trend.grown)} (${(trend.perMinute / unit).toFixed(2)} ${name}/min)`,
    };
  });
}

/** A table that keeps a row for every twentieth rotation or more grows with them. */
function tables(seen: Seen): Verdict {
  const growing = seen.tables.filter(
    ({ ofLedger, first, last, rotations }) => !ofLedger && last - first > Math.max(5, rotations / 20),
  );
  return {
    promise: 'no table grows but the ledger',
    kept: growing.length === 0 && seen.tables.length > 0,
    found:
      growing.length === 0
        ? `${seen.tables.filter(({ ofLedger }) => !ofLedger).length} others stay as they are`
        : growing.map(({ table, first, last }) => `${table} ${first} to ${last}`).join(', '),
  };
}

const rest = (seen: Seen): Verdict => ({
  promise: 'everything comes to rest',
  kept: seen.restless.length === 0,
  found: seen.restless.length === 0 ? 'yes' : seen.restless.slice(0, 5).join('; '),
});

function alone(seen: Seen): Verdict {
  const wrong = seen.live.filter(({ removed, current, live }) =>
    removed ? live.length > 0 : live.length !== 1 || live[0] !== current,
  );
  return {
    promise: 'at rest each credential has one live key, the current one',
    kept: wrong.length === 0 && seen.live.length > 0,
    found:
      wrong.length === 0
        ? `${seen.live.length} credentials`
        : wrong.map(({ credential, live }) => `${credential}: ${live.length} live`).join(', '),
  };
}
