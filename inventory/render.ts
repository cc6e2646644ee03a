import { stringify } from 'yaml';
import type { Entry, EntryConsumer } from '../domain/entry.ts';
import { formatFreeze } from './freezes.ts';
import { formatWindow } from './windows.ts';

/** Entries as an inventory file that reads back as the same entries: nothing is left to a default. Pure. */
export function renderInventory({
  teams,
  entries,
}: {
  readonly teams: readonly string[];
  readonly entries: readonly Entry[];
}): string {
  return stringify({ teams, credentials: Object.fromEntries(entries.map((entry) => [entry.id, renderEntry(entry)])) });
}

function renderEntry(entry: Entry): Record<string, unknown> {
  const { schedule, consumers, silence } = entry;
  return withoutUndefined({
    target: entry.target,
    team: entry.team,
    contact: entry.contact,
    groups: entry.groups,
    tier: entry.tier,
    mode: entry.mode,
    schedule: withoutUndefined({
      every: exact(schedule.every),
      jitter: exact(schedule.jitter),
      window: schedule.windows.map(formatWindow),
      freeze: schedule.freezes?.map(formatFreeze),
    }),
    backends: entry.backends.map((one) => withoutUndefined({ ...one })),
    consumers: 'none' in consumers ? consumers : consumers.map(renderConsumer),
    silence: 'no' in silence ? silence : exact(silence.for),
    soak: exact(entry.soak),
    emergency: { policy: entry.emergency.policy, bound: exact(entry.emergency.bound) },
    standby: entry.standby,
    dependents: entry.dependents,
    apartFrom: entry.apartFrom,
    movedFrom: entry.movedFrom,
  });
}

function renderConsumer({ kubernetes, deadline, ...rest }: EntryConsumer): Record<string, unknown> {
  const place = kubernetes && {
    ...kubernetes,
    workload: `${kubernetes.workload.kind}/${kubernetes.workload.name}`,
  };
  return withoutUndefined({ ...rest, deadline: exact(deadline), kubernetes: place });
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

/** The duration in its largest whole unit: `90d`, `90m`, `1500ms`. */
function exact(milliseconds: number): string {
  const [unit, size] = units.find(([, one]) => milliseconds >= one && milliseconds % one === 0) ?? ['ms', 1];
  return `${milliseconds / size}${unit}`;
}

function withoutUndefined(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
