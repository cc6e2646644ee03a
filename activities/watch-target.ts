import type { Entry } from '../domain/entry.ts';
import type { Ref, SilenceFacts } from '../domain/facts.ts';
import type { VersionId } from '../domain/identifiers.ts';
import { codeOf } from '../domain/errors.ts';
import type { Usage } from '../providers/provider.ts';
import { providerCall } from './calls.ts';
import type { ActivityPorts, BoundProvider } from './ports.ts';

/** Shortest and longest time between two readings, in milliseconds. */
const fastest = 100;
const slowest = 60_000;
/** A break longer than this many intervals restarts the window of a `sample` signal. */
const gap = 3;

/**
 * Reads the use of every watched version of one target, again and again, until none is watched. A reading that fails
 * is no reading: the window simply does not grow.
 */
export async function watchTarget(
  ports: ActivityPorts,
  input: { readonly target: string },
  signal: AbortSignal,
): Promise<null> {
  const provider = await ports.provider(input.target);
  const { usage } = provider.traits;
  if (usage === undefined || provider.usage === undefined) return null;
  const startedAt = ports.now();
  // Ends before its start-to-close time-out; the workflow starts it again.
  while (!signal.aborted && ports.now() - startedAt < 50 * 60_000) {
    const watched = await ports.ledger.toWatch(input.target);
    if (watched.length === 0) return null;
    let interval = slowest;
    for (const { credential, version, ref } of watched) {
      const { entry } = await ports.ledger.facts(credential);
      const every = intervalOf(entry);
      interval = Math.min(interval, every);
      await readOnce(ports, provider, version, ref, every, signal);
    }
    await ports.sleep(interval, signal);
  }
  return null;
}

/** Milliseconds between two readings of a version of this entry. */
export function intervalOf({ silence }: Pick<Entry, 'silence'>): number {
  const wanted = 'for' in silence ? silence.for : slowest;
  return Math.min(slowest, Math.max(fastest, Math.floor(wanted / 10)));
}

/**
 * One reading, by the clock before it was asked for: what happens while it is on its way is not vouched for. `gone`:
 * the provider says that there is no such generation any more, so nobody can use it.
 */
export async function readOnce(
  ports: ActivityPorts,
  provider: BoundProvider,
  version: VersionId,
  ref: Ref,
  interval: number,
  signal: AbortSignal,
): Promise<'read' | 'gone' | 'unanswered'> {
  const { usage } = provider.traits;
  const asked = ports.now();
  const reading = usage === undefined ? 'unanswered' : await readUse(ports, provider, ref, signal);
  if (usage === undefined || reading === 'gone' || reading === 'unanswered')
    return reading === 'gone' ? 'gone' : 'unanswered';
  await ports.ledger.watch(version, next(await ports.ledger.watched(version), reading, asked, usage.lag, interval));
  return 'read';
}

async function readUse(
  ports: ActivityPorts,
  provider: BoundProvider,
  ref: Ref,
  signal: AbortSignal,
): Promise<Usage | 'gone' | 'unanswered'> {
  try {
    return (await provider.usage?.(ref, providerCall(ports, provider.traits.callTimeout, signal))) ?? 'unanswered';
  } catch (thrown) {
    const code = codeOf(thrown);
    if (code === 'ACCESS_DENIED' || code === 'INVALID_CONFIG') throw thrown;
    return code === 'NOT_FOUND' ? 'gone' : 'unanswered';
  }
}

/** The window after one more reading. `sample` vouches only for unbroken watching; the others up to now minus their lag. */
export function next(
  before: SilenceFacts | undefined,
  reading: Usage,
  now: number,
  lag: number,
  interval: number,
): SilenceFacts {
  if (reading.kind === 'sample') {
    const broken = before === undefined || now - before.watchedUntil > gap * interval + lag;
    const used = (reading.sessions ?? 0) > 0 ? now : before?.lastUseAt;
    return { kind: 'sample', watchingSince: broken ? now : before.watchingSince, watchedUntil: now, lastUseAt: used };
  }
  const watchingSince = before?.watchingSince ?? now;
  const watchedUntil = Math.max(before?.watchedUntil ?? 0, now - lag);
  if (reading.kind === 'timestamp') {
    const lastUseAt = latest(before?.lastUseAt, reading.lastUsedAt);
    return { kind: 'timestamp', watchingSince, watchedUntil, lastUseAt };
  }
  const count = reading.count ?? 0;
  const used = before?.count !== undefined && count !== before.count ? now : before?.lastUseAt;
  return { kind: 'counter', watchingSince, watchedUntil, lastUseAt: used, count };
}

function latest(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined) return other;
  return other === undefined ? one : Math.max(one, other);
}
