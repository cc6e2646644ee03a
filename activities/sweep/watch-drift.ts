import { isKeybatonError } from '../../domain/errors.ts';
import type { CredentialFacts } from '../../domain/facts.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import { driftFound, notNow, type SweepInput, type SweepSituation } from '../../domain/sweep.ts';
import { placesOf } from '../ports.ts';
import { standings } from '../world.ts';
import { begin, lookAround } from './begin.ts';
import { inParallel } from './in-parallel.ts';
import { inTurn } from './in-turn.ts';
import type { SweepPorts } from './ports.ts';

export interface WatchedDrift {
  readonly looked: number;
  readonly drifted: number;
  readonly started: number;
}

/**
 * Compares what backends show with what the ledger decided, a part of all credentials per sweep. A backend that does not
 * answer is unknown, and no drift. A difference raises an alarm and starts the rotation: nothing is written from here.
 */
export async function watchDrift(sweep: SweepPorts, input: SweepInput, signal: AbortSignal): Promise<WatchedDrift> {
  const situation = await lookAround(sweep, input);
  const { limits } = situation;
  const ids = await inTurn(
    sweep.ledger,
    { name: 'drift', limit: limits.drift, idOf: (id: CredentialId) => id },
    (after) => sweep.ledger.quietCredentials({ limit: limits.drift, ...after }),
  );
  let drifted = 0;
  let started = 0;
  await inParallel(ids, limits.atOnce, signal, async (id) => {
    const found = await look(sweep, id, signal);
    if (found.length === 0) return;
    drifted += 1;
    if (await answer(sweep, input, situation, id, found)) started += 1;
  });
  return { looked: ids.length, drifted, started };
}

/** Names of the backends that show something else. Cures the alarms of those that do not. */
async function look(sweep: SweepPorts, id: CredentialId, signal: AbortSignal): Promise<readonly string[]> {
  const facts = await sweep.ledger.facts(id);
  const found = await ask(sweep, facts, signal);
  const differing = [...found].flatMap(([name, standing]) =>
    standing === 'behind' || standing === 'foreign' ? [name] : [],
  );
  const cured = [...found].flatMap(([name, standing]) => (standing === 'in-sync' ? [name] : []));
  if (cured.length > 0) await cure(sweep, id, cured);
  if (differing.length === 0) return [];
  // A promotion that was decided meanwhile explains it.
  const later = await sweep.ledger.facts(id);
  const same = later.openRun === undefined && later.epochs[0]?.epoch === facts.epochs[0]?.epoch;
  return same ? differing : [];
}

async function ask(sweep: SweepPorts, facts: CredentialFacts, signal: AbortSignal) {
  try {
    return await standings(sweep, await placesOf(sweep, facts.entry), facts, signal);
  } catch (thrown) {
    // A backend that this worker cannot open answers nothing: `doctor` says so.
    if (!isKeybatonError(thrown)) throw thrown;
    return new Map<string, never>();
  }
}

async function cure({ ledger }: SweepPorts, credential: CredentialId, backends: readonly string[]): Promise<void> {
  for (const { key } of await ledger.openAlarms(credential)) {
    const [name, backend = ''] = key.split('/');
    if ((name === 'drift' || name === 'foreign') && backends.includes(backend))
      await ledger.cure({ credential, keyPrefix: key });
  }
}

async function answer(
  sweep: SweepPorts,
  input: SweepInput,
  situation: SweepSituation,
  id: CredentialId,
  backends: readonly string[],
): Promise<boolean> {
  for (const backend of backends) {
    await sweep.ledger.alarm({
      credential: id,
      key: `drift/${backend}`,
      text: `backend ${backend} does not show what the ledger decided: somebody or something else has written there`,
      page: true,
    });
  }
  const [one] = await sweep.ledger.sweepCandidates([id]);
  // A rotation would write, and `observe` only looks.
  if (one === undefined || one.mode === 'observe' || one.openRun !== undefined) return false;
  const reason = driftFound(backends);
  if (notNow(one, reason, situation) !== undefined) return false;
  situation.tally.count(one, reason.urgency);
  return (await begin(sweep, input, one, reason)) === 'started';
}
