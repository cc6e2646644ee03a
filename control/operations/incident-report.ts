import { createHash } from 'node:crypto';
import { defaultIncidentPace, moments } from '../../domain/incident.ts';
import type { IncidentProgress, Moment, ScopeFinding } from '../../domain/incident.ts';
import { incidentMarkdown } from '../../domain/incident-markdown.ts';
import { incidentReport, type IncidentReport, type ReportEvent } from '../../domain/incident-report.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import type { IncidentFacts, IncidentKey, Ledger } from '../../ledger/ledger.ts';
import { reportedCredential } from './incident-report-credential.ts';

export interface ReportPorts {
  readonly ledger: Pick<
    Ledger,
    | 'incident'
    | 'incidentKeys'
    | 'incidentEvent'
    | 'facts'
    | 'evidence'
    | 'openAlarms'
    | 'verifyChain'
    | 'remembered'
    | 'remember'
  >;
  now(): number;
}

/** Of a running incident, what its workflow knows and the ledger may not yet. */
export type KnownProgress = Pick<IncidentProgress, 'reached' | 'clock'>;

const page = 500;
/** Keys whose own moments stand in the timeline; of more keys the incident's do. */
const keysInTimeline = 20;

/** Puts the report together from the ledger as it is now. Changes nothing. NOT_FOUND when there is no such incident. */
export async function makeIncidentReport(
  ports: ReportPorts,
  input: { readonly incident: string; readonly progress?: KnownProgress },
): Promise<IncidentReport> {
  const { ledger } = ports;
  const { incident } = input;
  const facts = await ledger.incident(incident);
  const keys = await allKeys(ledger, incident);
  const chain = await ledger.verifyChain();
  const byCredential = Map.groupBy(keys, ({ credential }) => credential);
  const details = [];
  for (const [credential, own] of byCredential) details.push(await reportedCredential(ledger, credential, own));
  const findings: ScopeFinding[] = [];
  for (const { version } of keys) findings.push(...(await scopeFindings(ledger, incident, version)));
  return incidentReport({
    ...facts,
    closed: facts.closedAt === undefined ? undefined : { at: facts.closedAt, by: facts.closedBy ?? '' },
    at: ports.now(),
    clock: input.progress?.clock ?? clockOf(facts) ?? defaultIncidentPace.clock,
    reached: { declared: facts.declaredAt, ...reachedOf(facts), ...input.progress?.reached },
    keys: details.flatMap((one) => one.keys),
    credentials: details.map((one) => one.credential),
    events: eventsOf(facts, keys),
    findings,
    checkpoint: { n: chain.events, hash: chain.head, broken: chain.broken.length },
  });
}

/**
 * Makes the report and keeps it: the text in the ledger's notes, its hash as an event of the chain, so that a report that is
 * shown later is the one that was written then. The last one counts.
 */
export async function writeIncidentReport(
  ports: ReportPorts,
  input: { readonly incident: string; readonly progress?: KnownProgress },
): Promise<IncidentReport> {
  const report = await makeIncidentReport(ports, input);
  const text = JSON.stringify(report);
  const sha256 = hashOf(text);
  await ports.ledger.remember(placeOf(input.incident), text);
  await ports.ledger.incidentEvent({
    incident: input.incident,
    kind: `reported.${sha256.slice(0, 16)}`,
    actor: 'incident',
    body: { sha256, at: report.writtenAt },
  });
  return report;
}

export interface ShownReport {
  readonly report: IncidentReport;
  readonly markdown: string;
  /** When it was written; `null`: it was not, and this is made from the ledger now. */
  readonly writtenAt: number | null;
  /** The chain of the ledger has the hash of exactly this report. `null`: none was written. */
  readonly asWritten: boolean | null;
}

/** The report as it was written, or, with `fresh` or before there is one, as it would be now. */
export async function showIncidentReport(
  ports: ReportPorts,
  input: { readonly incident: string; readonly fresh?: boolean },
): Promise<ShownReport> {
  const facts = await ports.ledger.incident(input.incident);
  const text = input.fresh === true ? undefined : await ports.ledger.remembered(placeOf(input.incident));
  if (text === undefined) {
    const report = await makeIncidentReport(ports, input);
    return { report, markdown: incidentMarkdown(report), writtenAt: null, asWritten: null };
  }
  // Written by `writeIncidentReport`; whether it still is that text, the hash says.
  const report = JSON.parse(text) as IncidentReport;
  const sha256 = hashOf(text);
  const asWritten = facts.events.some(({ kind, body }) => kind.startsWith('reported.') && body['sha256'] === sha256);
  return { report, markdown: incidentMarkdown(report), writtenAt: report.writtenAt, asWritten };
}

/** Where findings of one version are kept until the report takes them. */
export const findingsPlace = (incident: string, version: VersionId): string => `scope/${incident}/${version}`;
const placeOf = (incident: string): string => `report/${incident}`;
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

async function allKeys(ledger: ReportPorts['ledger'], incident: string): Promise<readonly IncidentKey[]> {
  const keys: IncidentKey[] = [];
  for (let after: VersionId | undefined; ;) {
    const some = await ledger.incidentKeys({ incident, limit: page, ...(after === undefined ? {} : { after }) });
    keys.push(...some);
    after = some.at(-1)?.version;
    if (some.length < page || after === undefined) return keys;
  }
}

async function scopeFindings(
  ledger: ReportPorts['ledger'],
  incident: string,
  version: VersionId,
): Promise<readonly ScopeFinding[]> {
  const text = await ledger.remembered(findingsPlace(incident, version));
  // Written beside this file's other notes, by the same process kind.
  return text === undefined ? [] : (JSON.parse(text) as readonly ScopeFinding[]);
}

function reachedOf({ events }: IncidentFacts): Partial<Record<Moment, number>> {
  return Object.fromEntries(
    events.flatMap((event) => {
      const moment = moments.find((one) => event.kind === `moment.${one}`);
      return moment === undefined ? [] : [[moment, whenOf(event)] as const];
    }),
  );
}

/** The clock it ran by, as its run wrote it down; unsaid by direct kills and earlier builds. */
export function clockOf({ events }: Pick<IncidentFacts, 'events'>): number | undefined {
  return events.map(({ body }) => body['clock']).find((clock) => typeof clock === 'number');
}

/** The moment's own time, where the event carries it: recording may have come much later. */
const whenOf = ({ at, body }: IncidentFacts['events'][number]): number =>
  typeof body['at'] === 'number' ? body['at'] : at;

const words: Readonly<Partial<Record<string, string>>> = {
  'moment.contained': 'every key contained',
  'moment.dead': 'every key proved dead',
  'moment.replaced': 'every credential replaced',
  'moment.confirmed': 'every consumer confirmed',
  'moment.scoped': 'readings and uses looked up',
  'moment.reported': 'reported',
};

function eventsOf(facts: IncidentFacts, keys: readonly IncidentKey[]): readonly ReportEvent[] {
  const own = facts.events
    .filter(({ kind }) => !kind.startsWith('reported.') && kind !== 'moment.declared' && kind !== 'ended')
    .map((event) => ({ at: whenOf(event), what: words[event.kind] ?? eventText(event.kind), who: event.actor }));
  const ofKeys =
    keys.length > keysInTimeline
      ? []
      : keys.flatMap(({ credential, containedAt, dead }): readonly ReportEvent[] => [
          ...(containedAt === undefined ? [] : [{ at: containedAt, what: `${credential}: revoked`, who: 'incident' }]),
          ...(dead === undefined
            ? []
            : [{ at: dead.at, what: `${credential}: proved dead (${dead.grade})`, who: 'incident' }]),
        ]);
  return [
    { at: facts.declaredAt, what: 'declared', who: facts.who },
    ...own,
    ...ofKeys,
    ...(facts.closedAt === undefined ? [] : [{ at: facts.closedAt, what: 'closed', who: facts.closedBy ?? '' }]),
  ];
}

function eventText(kind: string): string {
  const [what = '', which = ''] = kind.split('.');
  if (what === 'paged') return `people paged: ${which} % of the clock had passed`;
  if (what === 'failed') return `a person was needed for "${which}"`;
  return kind;
}
