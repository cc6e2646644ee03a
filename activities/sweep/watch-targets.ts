import { isKeybatonError } from '../../domain/errors.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import type { SweepInput } from '../../domain/sweep.ts';
import type { TargetReport } from '../../domain/reconcile.ts';
import type { AlarmName } from '../../ledger/ledger.ts';
import { placesOf } from '../ports.ts';
import { livenessOf, versionOf } from '../world.ts';
import { compareTarget } from './compare-target.ts';
import type { SweepPorts } from './ports.ts';

export interface WatchedTargets {
  readonly compared: readonly string[];
  /** Targets that did not answer, with the code of their trouble. */
  readonly troubled: readonly string[];
  readonly strays: number;
  readonly unmanaged: number;
  readonly vanished: number;
}

/** What is suspicious is looked at again soon, so that the second sighting does not wait an hour. */
const soon = 60_000;

/**
 * Compares a few targets per sweep with the ledger, those first that waited longest. A key of ours that is missing twice
 * is an alarm; where its value is not accepted any more it is an unplanned revocation, and an incident where one can be
 * declared. Strays wait for a person.
 */
export async function watchTargets(sweep: SweepPorts, input: SweepInput, signal: AbortSignal): Promise<WatchedTargets> {
  const { ledger } = sweep;
  const { reconcile, targets: most } = input.limits;
  const now = await ledger.clock();
  const found = { compared: [] as string[], troubled: [] as string[], strays: 0, unmanaged: 0, vanished: 0 };
  for (const target of await waiting(sweep, now - reconcile, most)) {
    signal.throwIfAborted();
    try {
      const { present, ...report } = await compareTarget(sweep, target, signal);
      await endAlarms(sweep, present, input.limits.page);
      found.compared.push(target);
      const strays = report.keys.filter(({ standing }) => standing === 'stray');
      found.strays += strays.length;
      found.unmanaged += report.keys.filter(({ standing }) => standing === 'unmanaged').length;
      const open = await missing(sweep, report, input.limits.missedFor, signal);
      found.vanished += report.vanished.length;
      const again = open || strays.some(({ ripe }) => !ripe);
      await ledger.remember(noteOf(target), String(again ? now - reconcile + soon : now));
    } catch (thrown) {
      if (!isKeybatonError(thrown)) throw thrown;
      // Not answering says nothing of any key; the next turn asks again.
      found.troubled.push(`${target}: ${thrown.code}`);
      await ledger.remember(noteOf(target), String(now));
    }
  }
  return found;
}

const noteOf = (target: string): string => `reconciled/${target}`;

async function waiting({ ledger }: SweepPorts, before: number, most: number): Promise<readonly string[]> {
  const names = await ledger.usedTargets();
  const noted = await Promise.all(
    names.map(async (name) => ({ name, at: Number((await ledger.remembered(noteOf(name))) ?? 0) })),
  );
  return noted
    .filter(({ at }) => at <= before)
    .toSorted((one, other) => one.at - other.at)
    .slice(0, most)
    .map(({ name }) => name);
}

/** What was missed and is listed again is no alarm any more. */
async function endAlarms({ ledger }: SweepPorts, present: readonly VersionId[], limit: number): Promise<void> {
  const back = new Set(present.map(alarmOf));
  for (let after: AlarmName | undefined; ;) {
    const page = await ledger.alarmPage({ limit, ...(after === undefined ? {} : { after }) });
    for (const { credential, key } of page) if (back.has(key)) await ledger.cure({ credential, keyPrefix: key });
    const last = page.at(-1);
    if (last === undefined || page.length < limit) return;
    after = { credential: last.credential, key: last.key };
  }
}

const alarmOf = (version: VersionId): string => `vanished/${version}`;

/** Answers whether something is missing that must be looked at once more. */
async function missing(
  sweep: SweepPorts,
  { target, vanished }: TargetReport,
  missedFor: number,
  signal: AbortSignal,
): Promise<boolean> {
  const now = await sweep.ledger.clock();
  let open = false;
  for (const one of vanished) {
    const { credential, version, how, firstAt } = one;
    if (now - firstAt <= missedFor) {
      open = true;
      continue;
    }
    const away = how === 'disabled' ? 'disabled' : 'not there any more';
    const doubt = await doubted(sweep, target, one, signal);
    const what = doubt ?? 'and keybaton did not do it: an unplanned revocation';
    await sweep.ledger.alarm({
      credential,
      key: alarmOf(version),
      text: `version ${version} is ${away} at target ${target}, ${what}`,
      page: true,
    });
    if (doubt === undefined) await sweep.hooks.declareVanished?.({ credential, version, target, how, firstAt });
    else open = true;
  }
  return open;
}

/**
 * Why an incident, which kills, must not rest on this list: an admin credential that was changed may see another account
 * and list nothing of what is in use, and a restored ledger may name what was replaced long ago.
 */
async function doubted(
  sweep: SweepPorts,
  target: string,
  { credential, version }: TargetReport['vanished'][number],
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!(await sweep.ledger.trusted())) return 'as far as a restored ledger knows: read reconcile';
  try {
    const facts = await sweep.ledger.facts(credential);
    const places = await placesOf(sweep, facts.entry);
    const provider = await sweep.provider(target);
    const liveness = await livenessOf(sweep, provider, places, versionOf(facts, version), signal);
    if (liveness !== 'live') return undefined;
    return 'and its value is still accepted there: look whether the admin credential sees the right account';
  } catch (thrown) {
    if (!isKeybatonError(thrown)) throw thrown;
    return `and whether its value is still accepted cannot be told now (${thrown.code})`;
  }
}
