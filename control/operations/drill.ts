import { measureDrill, thiefLingers, whyNoDrill, type DrillMeasures } from '../../domain/drill.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { frozenFrom } from '../../domain/freeze.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import { defaultIncidentPace, type IncidentPace, type Moment } from '../../domain/incident.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Drills, DrillVersion, Thief } from '../drill-ports.ts';
import type { EmergencyPorts } from '../incident-ports.ts';
import { chooseDrilled } from './drill-choice.ts';
import { closeDrill, recordDrill } from './drill-record.ts';
import { candidateFromFacts } from './emergency-candidates.ts';
import { declareEmergency, type Declared } from './emergency.ts';
import { showIncident } from './incident-show.ts';
import { pause } from './pause-for.ts';
import { told } from './within.ts';

export interface DrillPorts {
  readonly ledger: Ledger;
  readonly drills: Drills;
  readonly emergency: EmergencyPorts;
}

export interface DrillInput {
  /** Or any one of this target, the one that was longest not drilled. */
  readonly of: { readonly credential: CredentialId } | { readonly target: string };
  readonly actor: string;
  /** Aborted: the key that was made dies all the same, by the incident, before this answers. */
  readonly signal: AbortSignal;
  /** In this process, without Temporal. */
  readonly direct?: boolean;
  /** Tests make them small. */
  readonly pace?: IncidentPace;
  readonly lingers?: number;
  /** Told of each step, for people. */
  readonly onStep?: (text: string) => void;
}

export interface Drilled {
  readonly credential: CredentialId;
  readonly target: string;
  readonly version: VersionId;
  readonly incident: string;
  readonly how: Declared['how'];
  readonly declaredAt: number;
  readonly containedAt: number | null;
  readonly deadAt: number | null;
  readonly measures: DrillMeasures;
  /** What was down and changed nothing of the result. */
  readonly troubles: readonly string[];
}

/** How long the thief may need for its first use beside the provider's own spread, milliseconds. */
const thiefStarts = 30_000;
/** After the proof the thief has this long to be answered once, milliseconds. */
const lastAnswer = 20_000;
const look = 200;
const never = new AbortController().signal;

/**
 * Mints a key that production never sees, has it stolen, and kills it as a real emergency does. Refused with nothing done
 * where the credential is not at rest (CONFLICT), the provider cannot mint (UNSUPPORTED) or has no room
 * (CAPACITY_EXHAUSTED). From the plan on the version is owed whatever happens here, and its incident is declared whatever
 * went wrong before it.
 */
export async function drill(ports: DrillPorts, input: DrillInput): Promise<Drilled> {
  const { ledger, drills, emergency } = ports;
  const { signal, actor, onStep = () => undefined } = input;
  const credential = 'credential' in input.of ? input.of.credential : await chooseDrilled(ledger, input.of.target);
  const facts = await ledger.facts(credential);
  const refused = whyNoDrill(facts);
  if (refused !== undefined) throw new KeybatonError('CONFLICT', refused);
  const planned = await drills.plan(credential, signal);
  onStep(`${planned.credential}: its key ${planned.version} is being made at ${planned.target}`);

  const stolen = await haveItStolen(drills, planned, signal);
  if (!('trouble' in stolen)) onStep('the thief is in; declaring the incident');
  const { thief, trouble } = { thief: undefined, trouble: undefined, ...stolen };
  try {
    const killing = await declare(ports, planned, input);
    onStep(
      `incident ${killing.incident} is declared; ${killing.how === 'temporal' ? 'the workers kill' : 'this process kills'}`,
    );
    const { containedAt, deadAt } = await untilDead(emergency, killing, input.pace ?? defaultIncidentPace);
    if (thief !== undefined && deadAt !== null) {
      onStep('proved dead; the thief goes on for a while');
      await linger(thief, { deadAt, lingers: input.lingers ?? thiefLingers, signal, now: () => emergency.now() });
    }
    const lost = thief?.lost() === true ? "the thief's process ended by itself" : undefined;
    const stopped = signal.aborted ? 'it was stopped before it was over' : undefined;
    await thief?.stop();
    const { incident, declaredAt, how } = killing;
    const measures = measureDrill(
      { declaredAt, containedAt, deadAt, uses: thief?.uses() ?? [] },
      trouble ?? lost ?? stopped,
    );
    const result = { credential: planned.credential, target: planned.target, version: planned.version };
    const made = { ...result, incident, how, at: declaredAt, containedAt, deadAt, measures };
    const recorded = await recordDrill(ports, { ...made, tier: facts.entry.tier, actor });
    const closed = deadAt === null ? [] : await closeDrill(ports, { incident, actor, how });
    const troubles = [...killing.troubles, ...recorded, ...closed];
    return { ...result, incident, how, declaredAt, containedAt, deadAt, measures, troubles };
  } finally {
    await thief?.stop();
  }
}

/** What goes wrong here is the drill's result: the key is killed after it in any case. */
async function haveItStolen(
  drills: Drills,
  planned: DrillVersion,
  signal: AbortSignal,
): Promise<{ readonly thief: Thief; readonly trouble?: string } | { readonly trouble: string }> {
  let thief: Thief | undefined;
  try {
    await drills.issue(planned, signal);
    thief = await drills.steal(planned, signal);
    const until = Date.now() + planned.createSpread + thiefStarts;
    while (!isIn(thief)) {
      signal.throwIfAborted();
      if (thief.lost()) return { thief, trouble: 'the thief did not start' };
      if (Date.now() > until) return { thief, trouble: 'the thief was not let in with a key that should live' };
      await pause(look, signal);
    }
    return { thief };
  } catch (thrown) {
    const trouble = signal.aborted ? 'it was stopped before the key was stolen' : told(thrown);
    return thief === undefined ? { trouble } : { thief, trouble };
  }
}

const isIn = (thief: Thief): boolean =>
  thief.uses().some(({ answer }) => answer === 'accepted' || answer === 'forbidden');

/** The emergency's own path, over exactly this version. Ctrl-C does not stop it. */
async function declare(
  { ledger, emergency }: DrillPorts,
  { credential, version }: DrillVersion,
  input: DrillInput,
): Promise<Declared> {
  const facts = await ledger.facts(credential);
  const at = emergency.now();
  const pace = input.pace ?? defaultIncidentPace;
  return declareEmergency(emergency, {
    resolved: {
      at,
      scope: `drill of ${credential}`,
      source: 'ledger',
      troubles: [],
      versions: frozenFrom(facts, [version], at),
      candidates: [candidateFromFacts(facts)],
      others: [],
      deadAlready: [],
    },
    who: input.actor,
    why: 'drill',
    direct: input.direct ?? false,
    count: undefined,
    drill: true,
    pace,
    signal: AbortSignal.timeout(pace.clock),
  });
}

/** As the killer saw it: from its own process, or from whoever of workflow and ledger answers. */
async function untilDead(
  emergency: EmergencyPorts,
  { incident, progress }: Declared,
  pace: IncidentPace,
): Promise<{ readonly containedAt: number | null; readonly deadAt: number | null }> {
  if (progress !== null) {
    const { contained, dead } = progress.reached;
    return { containedAt: contained ?? null, deadAt: dead ?? null };
  }
  const until = emergency.now() + pace.clock;
  for (;;) {
    // The incident goes on whoever is asked; what does not answer now is asked again.
    const view = await showIncident(emergency, { incident }).catch(() => undefined);
    const reached = (moment: Moment): number | null =>
      view?.clock.find((line) => line.moment === moment)?.reachedAt ?? null;
    // The incident's own word: a death counts once no effect under way can undo it.
    const deadAt = reached('dead');
    const over = deadAt !== null || (view !== undefined && view.closedAt !== null) || emergency.now() >= until;
    if (over) return { containedAt: reached('contained'), deadAt };
    await pause(look, never);
  }
}

interface Lingering {
  readonly deadAt: number;
  /** Milliseconds. */
  readonly lingers: number;
  readonly signal: AbortSignal;
  readonly now: () => number;
}

/** Until it was refused for as long as that, and answered at least once. */
async function linger(thief: Thief, { deadAt, lingers, signal, now }: Lingering): Promise<void> {
  const answered = (): boolean => thief.uses().some(({ began, answer }) => began >= deadAt && answer !== 'unanswered');
  const until = (): number => deadAt + (answered() ? lingers : lingers + lastAnswer);
  while (!thief.lost() && !signal.aborted && now() < until()) await pause(look, signal);
}
