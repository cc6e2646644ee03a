import { existsSync, readFileSync } from 'node:fs';
import { descendantsOf } from '../demo/search-places.ts';

/** Ticks per second of /proc, the same on every Linux that Node runs on. */
const ticks = 100;

/** Seconds of processor time a process has used, by the system's own books; NaN where it keeps none in /proc. */
export function processorSeconds(pid: number): number {
  if (!existsSync(`/proc/${pid}/stat`)) return NaN;
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name of the program stands in brackets, and may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticks;
}

/** The same of a program with all that it has ever started, as PostgreSQL starts a process for each session. */
export function processorSecondsOfAll(pid: number): number {
  if (!existsSync('/proc/self/stat')) return NaN;
  return descendantsOf(pid).reduce((sum, one) => sum + withEnded(one), 0);
}

/** A process and its children that have ended; 0 when it has ended itself, for then its parent has its time. */
function withEnded(pid: number): number {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return 0;
    throw error;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0) / ticks;
}

/** Bytes: now, and the most there ever were. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const text = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : '';
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? NaN) * 1_024;
  return { now: field('VmRSS'), peak: field('VmHWM') };
}

/** The value below which this share of them lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}
