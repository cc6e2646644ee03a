import { describeMissing, missingEvidence, modeMiss, silenceMissing } from '../../domain/gate.ts';
import type { CredentialFacts, RequestFacts } from '../../domain/facts.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { RotationStatus } from '../../workflows/messages.ts';
import { backendStandings, type BackendView, type StandingPorts } from './backend-standing.ts';
import { openIncidents } from './incidents-of.ts';
import { nextSteps } from './next-steps.ts';
import type { RotationPorts } from './ports.ts';
import { summaryOf } from './summary.ts';
import type { CredentialSummary } from './summary.ts';

/** Where one credential stands: the ledger's word, and the running rotation's where it answers. Plain JSON. */
export interface StatusView {
  readonly now: number;
  readonly summary: CredentialSummary;
  /** `null`: nobody runs, or it did not answer (then `trouble` says so). */
  readonly run: {
    readonly step: string;
    readonly since: number;
    readonly waitsFor: string | null;
    readonly version: VersionId | null;
  } | null;
  readonly trouble: string | null;
  /** In the order of promotion, as the ledger knows them. */
  readonly backends: readonly BackendView[];
  readonly requests: readonly {
    readonly id: string;
    readonly kind: RequestFacts['kind'];
    readonly who: string;
    readonly why: string;
    readonly at: number;
  }[];
  /** What GATE 3 still misses of the newest epoch, while an old version waits to die. */
  readonly missing: readonly string[];
  /** What GATE 4 still misses, per watched version. */
  readonly silence: readonly { readonly version: VersionId; readonly missing: string }[];
  /** Open ones that name a version of it. */
  readonly incidents: readonly string[];
  /** Commands that a person could run now, each with its reason. */
  readonly next: readonly { readonly command: string; readonly why: string }[];
}

/** Never fails because Temporal does not answer: what the ledger knows is shown, and the trouble beside it. */
export async function status(
  ports: RotationPorts & StandingPorts,
  input: { readonly credential: CredentialId },
): Promise<StatusView> {
  const { ledger } = ports;
  const { credential } = input;
  const facts = await ledger.facts(credential);
  const [alarms, live, missing, silence, incidents] = await Promise.all([
    ledger.openAlarms(credential),
    ask(ports, credential),
    missingNow(ports, facts),
    silenceNow(ports, facts),
    openIncidents(ports, facts),
  ]);
  const summary = summaryOf(facts, alarms);
  const view = {
    now: facts.now,
    summary,
    run: live.run,
    trouble: live.trouble,
    backends: await (await backendStandings(ports))(facts, alarms),
    requests: facts.requests.map(({ id, kind, who, why, at }) => ({ id, kind, who, why, at })),
    missing,
    silence,
    incidents,
  };
  return {
    ...view,
    next: nextSteps(view, modeMiss(facts.entry.mode, facts.requests, facts.epochs[0]?.epoch ?? 0) !== undefined),
  };
}

const waitsToDie = (facts: CredentialFacts): CredentialFacts['versions'] =>
  facts.versions.filter((version) => version.fate === 'doomed' && version.everCurrent && version.dead === undefined);

async function missingNow({ ledger }: RotationPorts, facts: CredentialFacts): Promise<readonly string[]> {
  if (facts.epochs.length === 0 || waitsToDie(facts).length === 0) return [];
  return missingEvidence(await ledger.evidence(facts.id), facts.now).map(describeMissing);
}

async function silenceNow({ ledger }: RotationPorts, facts: CredentialFacts): Promise<StatusView['silence']> {
  const readings = await Promise.all(
    waitsToDie(facts).map(async ({ id }) => {
      const watched = await ledger.watched(id);
      // Not watched: either too early or the provider has no signal, and only the rotation itself can tell which.
      const text = watched === undefined ? undefined : silenceMissing(facts.entry.silence, watched, true);
      return text === undefined ? [] : [{ version: id, missing: text }];
    }),
  );
  return readings.flat();
}

async function ask(
  { rotations }: RotationPorts,
  credential: CredentialId,
): Promise<Pick<StatusView, 'run' | 'trouble'>> {
  try {
    const answer = await rotations.status(credential);
    return { run: answer === undefined ? null : runOf(answer), trouble: null };
  } catch (thrown) {
    return {
      run: null,
      trouble: thrown instanceof KeybatonError ? thrown.message : 'the running rotation does not answer',
    };
  }
}

function runOf({ step, since, waitsFor, version }: RotationStatus): NonNullable<StatusView['run']> {
  return { step, since, waitsFor: waitsFor ?? null, version: version ?? null };
}
