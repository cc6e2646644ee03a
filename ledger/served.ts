/**
 * When consumers could reach keybaton: kept outside the chain. A lease that runs out while nobody could have renewed it
 * says nothing about its holder, so the time in which keybaton was not to be reached is added to it.
 */
export interface Served {
  /** When the API last said that it was there, and how often it meant to, in milliseconds. */
  readonly last: number;
  readonly every: number;
  /** Oldest first: nobody said so from, until. */
  readonly gaps: readonly (readonly [from: number, until: number])[];
}

export const servedKey = 'served';
/** So many times late is gone. */
const late = 3;
const gapsKept = 50;

export function stillServed(known: Served | undefined, now: number, every: number): Served {
  const gap =
    known === undefined || now - known.last <= late * Math.max(known.every, every) ? [] : [[known.last, now] as const];
  return { last: Math.max(now, known?.last ?? 0), every, gaps: [...(known?.gaps ?? []), ...gap].slice(-gapsKept) };
}

/**
 * Until when a lease is believed. After a time in which it could not be renewed its holder gets the whole length again:
 * it may be waiting longer between its tries by then.
 */
export function leaseBelieved(
  served: Served | undefined,
  lease: { readonly seenAt: number; readonly leaseUntil: number },
  now: number,
): number {
  if (served === undefined) return lease.leaseUntil;
  const open = now - served.last > late * served.every ? [[served.last, now] as const] : [];
  const unserved = [...served.gaps, ...open]
    .map(([from, until]) => Math.min(until, now) - Math.max(from, lease.seenAt))
    .filter((length) => length > 0)
    .reduce((sum, length) => sum + length, 0);
  return unserved === 0 ? lease.leaseUntil : lease.leaseUntil + unserved + (lease.leaseUntil - lease.seenAt);
}

/** Written by `served`; nothing, when it was never called. */
export function readServed(text: string | undefined): Served | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as Served);
}
