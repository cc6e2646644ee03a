import {
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { incidentPartWorkflowId, type VersionId } from '../domain/identifiers.ts';
import { momentDueAt, nextPageAt, pagesDue } from '../domain/incident-clock.ts';
import { incidentNotice, type IncidentTold } from '../domain/incident-notice.ts';
import { incidentProgress, partIsThrough, type PartProgress } from '../domain/incident-part.ts';
import {
  moments,
  type Declaration,
  type IncidentPart,
  type IncidentProgress,
  type Moment,
} from '../domain/incident.ts';
import type { Notice } from '../domain/notice.ts';
import { incidentEffects } from './effects.ts';
import { untilDone, type Stops } from './incident-again.ts';
import { lastTries, openNotices, type Remembered } from './incident-notices.ts';
import { openIncidentParts } from './incident-parts.ts';
import { openOutbox } from './incident-outbox.ts';
import * as messages from './messages.ts';

/** Written by a run of this or an earlier build: fields may be added, none may change its meaning. */
export interface CarriedIncident {
  readonly format: 1;
  readonly received: readonly number[];
  readonly parts: readonly PartProgress[];
  /** Moments that people and ledger were told of. */
  readonly noted: readonly Moment[];
  readonly own: Readonly<Partial<Record<Moment, number>>>;
  readonly paged: readonly number[];
  readonly failed: readonly Moment[];
  readonly interim: boolean;
  readonly events: readonly Noted[];
  readonly notices: readonly Notice[];
  readonly remembered: Readonly<Remembered>;
  /** Not handed on yet. */
  readonly arrived: readonly IncidentPart[];
  readonly closer: string | undefined;
}

interface Noted {
  readonly kind: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * One incident, over one credential or thousands: hands each part of the frozen set to a workflow that kills it, runs the
 * clock, tells people, and closes when every key is dead, every credential replaced, and who used them looked up.
 */
export async function emergencyRevocation(
  declaration: Declaration,
  carried?: CarriedIncident,
): Promise<IncidentProgress> {
  const { incident, declaredAt, pace } = declaration;
  const { runId } = workflowInfo();
  const clock = { declaredAt, clock: pace.clock };
  const parts = new Map<number, PartProgress>((carried?.parts ?? []).map((part) => [part.part, part]));
  const noted = new Set<Moment>(carried?.noted);
  const own: Partial<Record<Moment, number>> = { ...carried?.own };
  const paged = [...(carried?.paged ?? [])];
  const failed = new Set<Moment>(carried?.failed);
  const remembered: Remembered = { ...carried?.remembered };
  let interim = carried?.interim ?? false;
  let closer = carried?.closer;
  let closed = false;
  let revision = 0;
  let renewing = false;

  const handed = openIncidentParts({
    declaration,
    carried,
    closed: () => closed,
    closing: () => closer !== undefined,
    renewed: renews,
    onLost: (part, times) => events.put({ kind: `part-lost.${part}.${times}/${runId}`, body: { part } }),
  });
  setHandler(messages.part, handed.take);
  setHandler(messages.partTells, (part) => {
    parts.set(part.part, part);
    revision += 1;
  });
  setHandler(messages.closeIncident, ({ who }) => {
    closer ??= who;
  });
  setHandler(messages.takeOver, ({ credential }) => {
    tell({ kind: 'taken' });
    events.put({ kind: `taken-over.${credential}`, body: { credential } });
    // A part that has ended has nothing left to take over.
    for (const part of handed.received)
      void partHandle(part).signal(messages.takeOver, { credential }).catch(unlessCancelled);
  });
  setHandler(messages.incidentProgress, progress);

  const events = openOutbox<Noted>(pace, carried?.events ?? [], async (waiting) => {
    const some = waiting.slice(0, 20);
    const written = some.map((event) => ({ ...event, actor: 'incident' }));
    await incidentEffects.recordIncident({ declaration, versions: [], facts: [], events: written });
    return some.length;
  });
  const notices = openNotices(pace, carried?.notices ?? [], remembered, { closed: () => closed, renewed: renews });
  const startedAt = Date.now();

  await Promise.all([
    handed.run(),
    runClock(),
    events.run({ drained: () => closed, renewed: renews, hopeless: () => false }),
    notices.run({ drained: () => closed, renewed: renews, hopeless: (failures) => failures >= lastTries }),
    end(),
  ]);
  if (closed) return progress();
  return continueAsNew<typeof emergencyRevocation>(declaration, {
    format: 1,
    received: [...handed.received],
    parts: [...parts.values()],
    noted: [...noted],
    own,
    paged,
    failed: [...failed],
    interim,
    events: events.left(),
    notices: notices.left(),
    remembered,
    arrived: handed.left(),
    closer,
  });

  function progress(): IncidentProgress {
    return incidentProgress(declaration, [...parts.values()], own, closed);
  }

  /** Once it is so it stays so: what has stopped for it is begun by the next run. */
  function renews(): boolean {
    const { renewAfter } = pace;
    const old =
      workflowInfo().continueAsNewSuggested || (renewAfter !== undefined && Date.now() - startedAt > renewAfter);
    renewing ||= old && !closed && closer === undefined;
    return renewing;
  }

  function through(): boolean {
    return declaration.parts > 0 && parts.size >= declaration.parts && [...parts.values()].every(partIsThrough);
  }

  function tell(told: IncidentTold): void {
    notices.put(incidentNotice({ told, progress: progress(), at: Date.now(), limit: pace.clock }));
  }

  /** Notes moments when they are reached, pages by the clock, and tells once of each step that needs a person. */
  async function runClock(): Promise<void> {
    while (!closed && !renews()) {
      const now = Date.now();
      const { reached } = progress();
      for (const moment of moments) {
        const at = reached[moment];
        if (at === undefined || noted.has(moment)) continue;
        // People are told how many keys it is about.
        const counted = parts.size >= declaration.parts || paged.length > 0;
        if (moment === 'declared' && !counted) continue;
        noted.add(moment);
        if (moment === 'declared') {
          tell({ kind: 'declared' });
          continue;
        }
        events.put({ kind: `moment.${moment}`, body: { at, after: at - declaredAt, clock: pace.clock } });
        tell({ kind: 'moment', moment });
      }
      for (const page of pagesDue(clock, now, paged)) {
        paged.push(page);
        if (moments.every((moment) => reached[moment] !== undefined)) continue;
        events.put({ kind: `paged.${page}`, body: { at: now } });
        tell({ kind: 'page', share: page / 100 });
      }
      for (const step of [...parts.values()].flatMap((part) => part.failed)) {
        if (failed.has(step)) continue;
        failed.add(step);
        events.put({ kind: `failed.${step}`, body: { at: now } });
        tell({ kind: 'failed', step });
      }
      const seen = revision;
      const before = Object.keys(own).length;
      const changed = (): boolean => closed || renews() || revision !== seen || Object.keys(own).length !== before;
      const next = nextPageAt(clock, paged);
      if (next === undefined) await condition(changed);
      else await condition(changed, Math.max(1, next - Date.now()));
    }
  }

  async function end(): Promise<void> {
    if (!interim) {
      const clockEnd = momentDueAt(clock, 'reported') - Date.now();
      const inTime = clockEnd > 0 && (await condition(() => through() || closer !== undefined || renews(), clockEnd));
      if (!inTime && !renews()) {
        // The whole of the clock has passed: people get what is known, and it goes on.
        interim = true;
        await lookUpAndReport((failures) => failures >= lastTries || renews());
      }
    }
    await condition(() => through() || closer !== undefined || renews());
    if (renews()) return;
    // Consumers have their share of the clock to show the replacement; nothing that leaked lives meanwhile.
    const left = momentDueAt(clock, 'confirmed') - Date.now();
    const confirmed = (): boolean => progress().reached.confirmed !== undefined;
    if (left > 0) await condition(() => confirmed() || closer !== undefined || renews(), left);
    if (renews()) return;
    await lookUpAndReport(
      (failures, trouble) => failures >= lastTries && (closer !== undefined || trouble?.person === true),
      own,
    );
    await close();
  }

  /** Who may have read and used the keys, then the report. Both may fail; a closing incident does not wait for ever. */
  async function lookUpAndReport(stops: Stops, reach?: Partial<Record<Moment, number>>): Promise<void> {
    const scoped = await lookUp(stops);
    if (scoped && reach !== undefined) reach.scoped = Date.now();
    const known = progress();
    const final = reach === undefined ? known : { ...known, reached: { ...known.reached, reported: Date.now() } };
    const written = await untilDone(pace, () => incidentEffects.reportIncident(final), stops);
    if ('result' in written && reach !== undefined) reach.reported = Date.now();
  }

  async function lookUp(stops: Stops): Promise<boolean> {
    for (let after: VersionId | null = null; ;) {
      const page: { readonly after: VersionId | null } = { after };
      const looked = await untilDone(pace, () => incidentEffects.scopeVersions({ incident, ...page }), stops);
      if (!('result' in looked)) return false;
      if (looked.result === null) return true;
      after = looked.result;
    }
  }

  /** Its parts end with what they have under way; then the ledger closes it. What is not dead stays a debt of its rotation. */
  async function close(): Promise<void> {
    await condition(handed.idle);
    await Promise.all(
      [...handed.received].map((part) => partHandle(part).signal(messages.partEnds).catch(unlessCancelled)),
    );
    // A part that has told nothing yet has recorded nothing.
    const recorded = (): boolean => [...handed.received].every((part) => parts.get(part)?.unrecorded === 0);
    await condition(recorded, pace.clock);
    const who = closer ?? 'incident';
    const { keys, dead, replaced, confirmed } = progress();
    const open = keys - dead;
    // Nobody can be asked for these once this run is gone.
    const ended = { kind: 'ended', body: { replaced, confirmed, clock: pace.clock } };
    const why = open === 0 ? 'through' : `closed by a person; ${open} keys are not proved dead and stay owed`;
    await untilDone(
      pace,
      () =>
        incidentEffects.recordIncident({
          declaration,
          versions: [],
          facts: [],
          events: [...events.left(), ended].map((event) => ({ ...event, actor: 'incident' })),
          close: { who, why },
        }),
      () => false,
    );
    closed = true;
    tell({ kind: 'closed' });
  }

  function partHandle(part: number) {
    return getExternalWorkflowHandle(incidentPartWorkflowId(incident, part));
  }
}

/** A part that has ended cannot be told, and need not be. */
function unlessCancelled(thrown: unknown): void {
  if (isCancellation(thrown)) throw thrown;
}
