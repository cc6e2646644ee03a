import { condition, patched } from '@temporalio/workflow';
import { backoff } from '../domain/incident-clock.ts';
import type { IncidentPace, RateLimit, Trouble } from '../domain/incident.ts';
import { afterContain, afterProve, afterTrouble, type After, type KeyStep } from '../domain/incident-keys.ts';
import { scattered } from '../domain/jitter.ts';
import { batchSize } from '../domain/queues.ts';
import { containment, containmentAt } from './effects.ts';
import type { KeyBatch, PartKeys } from './part-keys.ts';
import { neverStarted, troubleOf } from './trouble.ts';

export interface Lane {
  readonly incident: string;
  readonly target: string;
  readonly rate: RateLimit | undefined;
  readonly pace: IncidentPace;
  readonly keys: PartKeys;
  /** Starts nothing more; returns when what is under way has answered. */
  readonly stops: () => boolean;
}

/** Batches of one target that are under way at a time. */
const side = 4;
/** Kills come before proofs. */
const bothSteps: readonly KeyStep[] = ['contain', 'prove'];
const killsAlone: readonly KeyStep[] = ['contain'];

/**
 * Kills the keys of one target and proves them dead, for as long as it takes. What the provider answers decides when it
 * is asked again; nothing else is waited for, and nothing that fails ends it.
 */
export async function workLane(lane: Lane): Promise<void> {
  const { target, keys, rate } = lane;
  const size = batchSize(rate);
  let apart = rate !== undefined;
  let notBefore = 0;
  let failures = 0;
  let flying = 0;
  let proving = 0;
  // Where starts are counted a proof of a few keys takes the place of a batch of kills: one at a time, while others gather.
  const gathers = rate !== undefined && patched('proofs-gather');
  const steps = (): readonly KeyStep[] => (gathers && proving > 0 ? killsAlone : bothSteps);
  let broken: Promise<void> | undefined;

  while (flying > 0 || !(lane.stops() || keys.through(target))) {
    const now = Date.now();
    for (let room = side - flying; room > 0 && now >= notBefore && !lane.stops(); room -= 1) {
      const batch = keys.take(target, now, size, steps());
      if (batch === undefined) break;
      flying += 1;
      if (batch.step === 'prove') proving += 1;
      const flight = fly(batch);
      flight.catch(() => (broken = flight));
    }
    const seen = keys.revision(target);
    const changed = (): boolean =>
      keys.revision(target) !== seen || broken !== undefined || (flying === 0 && lane.stops());
    // Nothing more is started: a key that falls due meanwhile wakes nobody.
    const rests = lane.stops() && patched('lane-rests');
    const next = rests ? undefined : keys.nextAt(target, steps());
    if (next === undefined || (flying >= side && now >= notBefore)) await condition(changed);
    // Lanes of several parts meet at one target: what has turned them away together is not asked again by all at once.
    else if (notBefore > now) await condition(changed, scattered(Math.max(next, notBefore) - now, Math.random()));
    else await condition(changed, Math.max(1, next - now));
    if (broken !== undefined) await broken;
  }

  async function fly(batch: KeyBatch): Promise<void> {
    const { afters, troubles } = await tried(batch);
    patient(batch, troubles);
    flying -= 1;
    if (batch.step === 'prove') proving -= 1;
    keys.put(afters);
  }

  async function tried({ step, keys: some }: KeyBatch): Promise<Landed> {
    const activities = apart ? containmentAt(target) : containment;
    const { incident, pace } = lane;
    try {
      if (step === 'contain') {
        const answers = await activities.containVersions({ incident, versions: some.map((key) => key.frozen) });
        return landed(some, answers, afterContain, pace);
      }
      const versions = some.map(({ frozen, refusals }) => {
        const outcome = keys.outcomes.get(frozen.credential);
        // What the ledger says goes before what was known when it was frozen: a survivor may have died since.
        const { control: known, ...withoutControl } = frozen;
        const control = outcome === undefined ? known : outcome.control;
        return {
          ...withoutControl,
          ...(refusals === undefined ? {} : { refusals }),
          ...(control === undefined ? {} : { control }),
        };
      });
      return landed(some, await activities.proveVersions({ incident, versions }), afterProve, pace);
    } catch (thrown) {
      const trouble = troubleOf(thrown);
      if (neverStarted(thrown)) {
        // Nobody polls the target's own queue: the shared one is not kept to the rate, and it kills.
        apart = false;
        const now = Date.now();
        return { afters: some.map((key) => ({ key: { ...key, again: now }, facts: [] })), troubles: [] };
      }
      const now = Date.now();
      return {
        afters: some.map((key) => afterTrouble(key, trouble, now, pace)),
        troubles: some.map(() => trouble),
      };
    }
  }

  /** A provider that answers nothing, or asks for patience, is left alone for a while as a whole. */
  function patient({ keys: some }: KeyBatch, troubles: readonly Trouble[]): void {
    const limited = troubles.filter((trouble) => trouble.code === 'RATE_LIMITED');
    const silent = troubles.length === some.length && troubles.every((trouble) => trouble.code === 'UNAVAILABLE');
    failures = silent || limited.length > 0 ? failures + 1 : 0;
    if (failures === 0) return;
    const asked = Math.max(0, ...limited.map((trouble) => trouble.againIn));
    notBefore = Math.max(
      notBefore,
      Date.now() + (limited.length > 0 ? Math.max(asked, lane.pace.retryFrom) : backoff(lane.pace, failures)),
    );
  }
}

interface Landed {
  readonly afters: readonly After[];
  readonly troubles: readonly Trouble[];
}

function landed<Answer extends { readonly version: string; readonly trouble?: Trouble }>(
  keys: KeyBatch['keys'],
  answers: readonly Answer[],
  after: (key: KeyBatch['keys'][number], answer: Answer, now: number, pace: IncidentPace) => After,
  pace: IncidentPace,
): Landed {
  const now = Date.now();
  const found = new Map(answers.map((answer) => [answer.version, answer]));
  const afters = keys.map((key) => {
    const answer = found.get(key.frozen.version);
    if (answer !== undefined) return after(key, answer, now, pace);
    const trouble: Trouble = { code: 'UNAVAILABLE', why: 'was not answered for', againIn: 0, person: false };
    return afterTrouble(key, trouble, now, pace);
  });
  return { afters, troubles: answers.flatMap(({ trouble }) => (trouble === undefined ? [] : [trouble])) };
}
