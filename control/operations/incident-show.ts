import { defaultIncidentPace, moments, shares } from '../../domain/incident.ts';
import type { Declaration, IncidentProgress, Moment, OpenKey } from '../../domain/incident.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { IncidentFacts, IncidentKey, IncidentLedger } from '../../ledger/ledger.ts';
import type { EmergencyPorts, IncidentJournal } from '../incident-ports.ts';
import { askLedger, ledgerPatience } from './emergency-known.ts';
import { replacedOf, type Replaced } from './incident-replaced.ts';
import { clockOf } from './incident-report.ts';
import { incidentSteps } from './incident-steps.ts';
import { journalProgress, waitsForLedger } from './incident-journal.ts';
import { told, within } from './within.ts';

/** One incident, from whoever knows of it: the running workflow, the ledger, the journals on this disk. Plain JSON. */
export interface IncidentView {
  readonly now: number;
  readonly incident: string;
  readonly declaredAt: number;
  readonly who: string | null;
  readonly why: string | null;
  readonly scope: string;
  readonly drill: boolean;
  readonly keys: number;
  /** Keys through each moment; `null`: nobody who answers knows. */
  readonly counts: {
    readonly contained: number;
    readonly dead: number;
    readonly replaced: number | null;
    readonly confirmed: number | null;
  };
  readonly clock: readonly ClockLine[];
  readonly open: readonly OpenKey[];
  /** How many are open beside those. */
  readonly more: number;
  /** Somebody works on it: the workers, or nobody. */
  readonly running: boolean;
  readonly closedAt: number | null;
  readonly closedBy: string | null;
  /** What this machine's disk knows of it and the ledger does not yet. */
  readonly unimported: boolean;
  /** Who was asked and did not answer. */
  readonly troubles: readonly string[];
  readonly next: readonly { readonly command: string; readonly why: string }[];
}

export interface ClockLine {
  readonly moment: Moment;
  /** Epoch milliseconds: when its share of the clock is up. */
  readonly plannedAt: number;
  readonly reachedAt: number | null;
  readonly late: boolean;
}

type Ports = Pick<EmergencyPorts, 'ledger' | 'incidents' | 'journals' | 'now'>;

const openShown = 50;
const temporalPatience = 6_000;

/** NOT_FOUND when all were asked and none knows it; UNAVAILABLE when one that may know it did not answer. */
export async function showIncident(ports: Ports, input: { readonly incident: string }): Promise<IncidentView> {
  const { incident } = input;
  const [live, kept, disk] = await Promise.all([
    within('Temporal', temporalPatience, ports.incidents.progress(incident)).then(
      (progress) => ({ progress, trouble: undefined }),
      (thrown: unknown) => ({ progress: undefined, trouble: told(thrown) }),
    ),
    askLedger(ports, (ledger) => ofLedger(ledger, incident)),
    ofDisk(ports, incident),
  ]);
  const troubles = [
    ...(live.trouble === undefined ? [] : [`Temporal: ${live.trouble}`]),
    ...('trouble' in kept ? [`ledger: ${kept.trouble}`] : []),
    ...disk.troubles,
  ];
  const ledger = 'answer' in kept ? kept.answer : undefined;
  const { progress } = live;
  const { journal } = disk;
  if (progress === undefined && ledger === undefined && journal === undefined) throw unknown(incident, troubles);
  const asked =
    progress === undefined && ledger !== undefined
      ? await askLedger(ports, (of) => replacedOf(of, ledger.facts))
      : undefined;
  const replaced = asked !== undefined && 'answer' in asked ? asked.answer : undefined;
  return viewOf({ now: ports.now(), progress, ledger: ledger && { ...ledger, replaced }, journal, troubles });
}

export interface InLedger {
  readonly facts: IncidentFacts;
  /** Not dead yet, so far as they are shown. */
  readonly keys: readonly IncidentKey[];
  /** Undefined: nobody has counted. */
  readonly replaced?: Replaced | undefined;
}

/** Undefined: the ledger knows no incident of that name. */
async function ofLedger(ledger: IncidentLedger, incident: string): Promise<Omit<InLedger, 'replaced'> | undefined> {
  try {
    const facts = await within('the ledger', ledgerPatience, ledger.incident(incident));
    const keys: IncidentKey[] = [];
    for (let after: IncidentKey['version'] | undefined; ;) {
      const page = await within(
        'the ledger',
        ledgerPatience,
        ledger.incidentKeys({ incident, limit: 500, ...(after === undefined ? {} : { after }) }),
      );
      keys.push(...page.filter(({ dead }) => dead === undefined));
      after = page.at(-1)?.version;
      if (page.length < 500 || keys.length > openShown || after === undefined) return { facts, keys };
    }
  } catch (thrown) {
    if (thrown instanceof KeybatonError && thrown.code === 'NOT_FOUND') return undefined;
    throw thrown;
  }
}

async function ofDisk(
  { journals }: Pick<EmergencyPorts, 'journals'>,
  incident: string,
): Promise<{ readonly journal: IncidentJournal | undefined; readonly troubles: readonly string[] }> {
  try {
    const found = await journals.read();
    return {
      journal: found.journals.find(({ declaration }) => declaration.incident === incident),
      troubles: found.troubles,
    };
  } catch (thrown) {
    return { journal: undefined, troubles: [`journals: ${told(thrown)}`] };
  }
}

function unknown(incident: string, troubles: readonly string[]): KeybatonError {
  return troubles.length === 0
    ? new KeybatonError('NOT_FOUND', `there is no incident ${incident}: see what there is with keybaton incident list`)
    : new KeybatonError('UNAVAILABLE', `nobody who answers knows of incident ${incident} (${troubles.join('; ')})`);
}

export interface ViewInput {
  readonly now: number;
  readonly progress: IncidentProgress | undefined;
  readonly ledger: InLedger | undefined;
  readonly journal: IncidentJournal | undefined;
  readonly troubles: readonly string[];
  /** False: what `progress` tells has ended, though it is not through (a direct kill that was left). */
  readonly working?: boolean;
}

/** Pure. The running workflow knows best, the ledger what came before it, the journal what this machine did alone. */
export function viewOf({ now, progress, ledger, journal, troubles, working = true }: ViewInput): IncidentView {
  const direct = journal === undefined ? undefined : journalProgress(journal, now);
  const facts = ledger?.facts;
  const base = progress ?? facts ?? direct;
  if (base === undefined) throw new KeybatonError('NOT_FOUND', 'nothing is known of this incident');
  const declaration: Pick<Declaration, 'who' | 'why'> | undefined = facts ?? journal?.declaration;
  const clock =
    progress?.clock ?? journal?.declaration.pace.clock ?? (facts && clockOf(facts)) ?? defaultIncidentPace.clock;
  const reached = { ...direct?.reached, ...momentsOf(facts), ...progress?.reached };
  const best = (key: 'contained' | 'dead'): number =>
    Math.max(progress?.[key] ?? 0, facts?.[key] ?? 0, direct?.[key] ?? 0);
  const counts = {
    contained: best('contained'),
    dead: best('dead'),
    replaced: progress?.replaced ?? ledger?.replaced?.replaced ?? null,
    confirmed: progress?.confirmed ?? ledger?.replaced?.confirmed ?? null,
  };
  const alone = journal !== undefined && journal.facts.length > 0;
  const { open, more } = progress ?? (ledger === undefined || alone ? direct : openOf(ledger)) ?? { open: [], more: 0 };
  const closedAt = facts?.closedAt ?? null;
  const view = {
    now,
    incident: base.incident,
    declaredAt: base.declaredAt,
    who: declaration?.who ?? null,
    why: declaration?.why ?? null,
    scope: base.scope,
    drill: base.drill,
    keys: Math.max(progress?.keys ?? 0, facts?.keys ?? 0, direct?.keys ?? 0),
    counts,
    clock: clockLines(base.declaredAt, clock, reached, now, closedAt ?? undefined),
    open,
    more,
    running: working && progress !== undefined && !progress.closed,
    closedAt,
    closedBy: facts?.closedBy ?? null,
    unimported: journal !== undefined && waitsForLedger(journal, progress !== undefined || ledger !== undefined),
    troubles,
  };
  return { ...view, next: incidentSteps(view) };
}

function momentsOf(facts: IncidentFacts | undefined): Partial<Record<Moment, number>> {
  return Object.fromEntries(
    (facts?.events ?? []).flatMap(({ kind, at, body }) => {
      const moment = moments.find((one) => kind === `moment.${one}`);
      // The moment's own time, where the event carries it: recording may have come much later.
      const when = typeof body['at'] === 'number' ? body['at'] : at;
      return moment === undefined ? [] : [[moment, when] as const];
    }),
  );
}

export function clockLines(
  declaredAt: number,
  clock: number,
  reached: Readonly<Partial<Record<Moment, number>>>,
  now: number,
  closedAt?: number,
): readonly ClockLine[] {
  return moments.map((moment) => {
    const plannedAt = declaredAt + shares[moment] * clock;
    const reachedAt = moment === 'declared' ? declaredAt : (reached[moment] ?? null);
    return { moment, plannedAt, reachedAt, late: (reachedAt ?? closedAt ?? now) > plannedAt };
  });
}

function openOf({ facts, keys }: InLedger): { readonly open: readonly OpenKey[]; readonly more: number } {
  const open = keys.slice(0, openShown).map(({ credential, version, containedAt }): OpenKey => ({
    credential,
    version,
    state: containedAt === undefined ? 'not contained' : 'revoked, not yet dead',
    why: 'as far as the ledger knows',
    again: undefined,
    person: false,
  }));
  return { open, more: Math.max(0, facts.keys - facts.dead - open.length) };
}
