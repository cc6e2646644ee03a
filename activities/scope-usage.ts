import { formatDuration } from '../domain/duration.ts';
import { codeOf } from '../domain/errors.ts';
import type { Ref, SilenceFacts } from '../domain/facts.ts';
import type { ScopeFinding } from '../domain/incident.ts';
import type { Usage } from '../providers/provider.ts';
import { providerCall } from './calls.ts';
import type { ScopedVersion, ScopePorts } from './incident-scope.ts';

/** What the provider says of the use of one version: its signal now, or the last reading of it while it was watched. */
export async function usageFinding(
  ports: ScopePorts,
  version: ScopedVersion,
  signal: AbortSignal,
): Promise<ScopeFinding> {
  const answer = (verdict: ScopeFinding['verdict'], text: string, at?: number): ScopeFinding => ({
    credential: version.credential,
    version: version.version,
    source: `target:${version.target}`,
    verdict,
    text,
    seen: at === undefined ? [] : [{ at, who: 'whoever held it', from: undefined }],
  });
  const watched = await ports.watched(version.version).catch(() => undefined);
  const before = watched?.lastUseAt;
  const kept = (why: string): ScopeFinding =>
    before === undefined
      ? answer('cannot tell', `${why}; no use was seen while it was watched${watchedText(watched)}`)
      : answer('used', `${why}; ${usedText(before, version)}`, before);
  try {
    const provider = await ports.provider(version.target);
    const { usage } = provider.traits;
    if (usage === undefined || provider.usage === undefined)
      return kept(`provider ${provider.name} does not tell when a key was used`);
    if (version.refs.length === 0) return kept('no key of it is known to ask for');
    const call = providerCall(ports, provider.traits.callTimeout, signal);
    const readings = [];
    for (const ref of version.refs) readings.push(await reading(() => provider.usage?.(ref, call), ref));
    const sessions = readings.reduce((sum, one) => sum + ('usage' in one ? (one.usage.sessions ?? 0) : 0), 0);
    if (sessions > 0) return answer('used', `${sessions} sessions of it are open now`, ports.now());
    const failed = readings.find((one) => 'code' in one);
    const last = Math.max(0, ...readings.map((one) => ('usage' in one ? (one.usage.lastUsedAt ?? 0) : 0)));
    if (last > 0) {
      const newest = Math.max(last, before ?? 0);
      return answer('used', usedText(newest, version), newest);
    }
    if (failed !== undefined) return kept(`the provider tells nothing of it any more (${failed.code})`);
    const lag = `the signal lags by ${formatDuration(usage.lag)}`;
    if (usage.kind !== 'timestamp')
      return kept(
        `the provider ${usage.kind === 'counter' ? 'counts uses without a time' : 'shows only who is connected now'}`,
      );
    // A use shortly before it was declared may not have come through.
    return ports.now() - version.declaredAt > usage.lag
      ? answer('none seen', `the provider has seen no use of it; ${lag}`)
      : answer('cannot tell', `the provider has seen no use of it yet, and ${lag}: look again`);
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return kept(`the provider could not be asked (${codeOf(thrown)})`);
  }
}

async function reading(
  ask: () => Promise<Usage> | undefined,
  ref: Ref,
): Promise<{ readonly usage: Usage; readonly ref: Ref } | { readonly code: string }> {
  try {
    const usage = await ask();
    return usage === undefined ? { code: 'UNSUPPORTED' } : { usage, ref };
  } catch (thrown) {
    return { code: codeOf(thrown) };
  }
}

function usedText(at: number, { declaredAt }: ScopedVersion): string {
  const when = new Date(at).toISOString();
  return at > declaredAt
    ? `last used at ${when}, ${formatDuration(at - declaredAt)} after it was declared`
    : `last used at ${when}, ${formatDuration(declaredAt - at)} before it was declared`;
}

const watchedText = (watched: SilenceFacts | undefined): string =>
  watched === undefined ? ', for it never was' : ` until ${new Date(watched.watchedUntil).toISOString()}`;
