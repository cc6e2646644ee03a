import { codeOf, isKeybatonError } from '../../domain/errors.ts';
import type { CredentialFacts, VersionFacts } from '../../domain/facts.ts';
import { describeMissing, missingEvidence } from '../../domain/gate.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { Control, OutcomeFacts, ProvedDead } from '../../domain/incident.ts';
import type { IncidentLedger, Ledger } from '../../ledger/ledger.ts';
import { bringsOut } from '../bring-out.ts';
import { within } from './patience.ts';
import type { IncidentEffectPorts } from './ports.ts';

export interface AskOutcomes {
  readonly incident: string;
  readonly credentials: readonly { readonly credential: CredentialId; readonly versions: readonly VersionId[] }[];
}

/** Lines told of what a credential lacks. */
const told = 3;
/** Ledgers serve one after another anyway; a few at a time hide the way to a distant one. */
const side = 8;

/**
 * Asks the ledger how the replacement of each credential stands, and whether the rotation can still make one of its
 * compromised versions live. What is not answered in the time of one effect is left out, and asked again.
 */
export async function askOutcomes(
  ports: Pick<IncidentEffectPorts, 'ledger' | 'now' | 'bringOut'>,
  { credentials }: AskOutcomes,
  signal: AbortSignal = AbortSignal.timeout(10_000),
): Promise<readonly OutcomeFacts[]> {
  const ledger = await within(ports.ledger());
  const until = ports.now() + 10_000;
  const answers: OutcomeFacts[] = [];
  const waiting = credentials.values();
  const lane = async (): Promise<void> => {
    for (const { credential, versions } of waiting) {
      if (ports.now() > until) return;
      answers.push(await within(outcomeOf(ledger, credential, versions)));
    }
  };
  await Promise.all(Array.from({ length: Math.min(side, credentials.length) }, lane));
  await tellWorkloads(ports, ledger, answers, signal);
  return answers;
}

/** Milliseconds for the workloads of all of them: what they show is heard at the next question. */
const telling = 4_000;

/** No GATE asks for the consumers of what was killed first, so that the incident has their pods restarted and looks at them. */
async function tellWorkloads(
  { bringOut }: Pick<IncidentEffectPorts, 'bringOut'>,
  ledger: Ledger,
  answers: readonly OutcomeFacts[],
  signal: AbortSignal,
): Promise<void> {
  if (bringOut === undefined) return;
  const enough = AbortSignal.any([signal, AbortSignal.timeout(telling)]);
  const waiting = answers.filter(({ replaced, confirmed }) => replaced && !confirmed).values();
  const lane = async (): Promise<void> => {
    for (const { credential } of waiting) {
      if (enough.aborted) return;
      const facts = await within(ledger.facts(credential));
      if (bringsOut(facts.entry)) await within(bringOut(facts, enough), telling).catch(onlyKnown);
    }
  };
  await Promise.all(Array.from({ length: side }, lane));
}

/** A cluster that does not answer holds no incident up: its consumers stay unproved, which the outcome says. */
function onlyKnown(thrown: unknown): void {
  if (!isKeybatonError(thrown)) throw thrown;
}

async function outcomeOf(
  ledger: Ledger & IncidentLedger,
  credential: CredentialId,
  compromised: readonly VersionId[],
): Promise<OutcomeFacts> {
  let facts: CredentialFacts;
  try {
    facts = await ledger.facts(credential);
  } catch (thrown) {
    if (codeOf(thrown) !== 'NOT_FOUND') throw thrown;
    return {
      ...{ credential, replaced: false, confirmed: false, missing: [], person: undefined, settled: true },
      ...{ never: 'the ledger does not know it', dependents: [] },
    };
  }
  const current = facts.versions.find((one) => one.id === facts.epochs[0]?.version);
  const behind = current === undefined ? [] : backendsBehind(facts, current);
  const sound = current !== undefined && current.fate === 'current' && !lost(current, compromised);
  const replaced = sound && behind.length === 0;
  const missing = replaced ? await unproved(ledger, facts) : whyNot(facts, current, compromised, behind);
  const never = neverReplaced(facts, compromised);
  const control = controlOf(facts, current, sound);
  return {
    credential,
    replaced,
    confirmed: replaced && missing.length === 0,
    missing: missing.slice(0, told),
    person: replaced || never !== undefined ? undefined : await personNeeded(ledger, credential),
    settled: compromised.every((id) => isSettled(facts, id)),
    dead: provedDead(facts, compromised),
    dependents: facts.entry.dependents,
    ...(never === undefined ? {} : { never }),
    ...(control === undefined ? {} : { control }),
  };
}

const lost = (current: VersionFacts, compromised: readonly VersionId[]): boolean =>
  current.compromised || current.refused || compromised.includes(current.id);

/** In every backend of the entry, under its newest epoch. */
function backendsBehind(facts: CredentialFacts, current: VersionFacts): readonly string[] {
  const epoch = facts.epochs[0]?.epoch;
  return facts.entry.backends
    .filter(
      ({ backend }) =>
        !current.copies.some(
          (copy) => copy.backend === backend && copy.as === 'main' && copy.epoch === epoch && !copy.gone,
        ),
    )
    .map(({ backend }) => backend);
}

async function unproved(ledger: Ledger, facts: CredentialFacts): Promise<readonly string[]> {
  const evidence = await ledger.evidence(facts.id);
  return missingEvidence(evidence, facts.now).map(describeMissing);
}

function whyNot(
  facts: CredentialFacts,
  current: VersionFacts | undefined,
  compromised: readonly VersionId[],
  behind: readonly string[],
): readonly string[] {
  if (current === undefined) return ['nothing is current yet'];
  if (lost(current, compromised))
    return [facts.openRun === undefined ? 'its rotation has not begun' : 'its rotation has no replacement yet'];
  if (current.fate !== 'current') return ['what is current is to die'];
  return behind.map((backend) => `backend ${backend} is behind`);
}

/** Consumers have nothing of it to lose: it was never theirs, or its entry is gone. */
function neverReplaced(facts: CredentialFacts, compromised: readonly VersionId[]): string | undefined {
  if (facts.status !== 'managed') return `its entry is ${facts.status}`;
  const current = facts.epochs[0]?.version;
  if (current === undefined && compromised.every((id) => !facts.versions.find((one) => one.id === id)?.everCurrent))
    return 'it was never current';
  return undefined;
}

function controlOf(facts: CredentialFacts, current: VersionFacts | undefined, sound: boolean): Control | undefined {
  if (!sound || current?.fingerprint === undefined) return undefined;
  return { version: current.id, places: facts.entry.backends, fingerprint: current.fingerprint };
}

/** The ledger refuses new effects that would make it live; those under way are answered, or over. */
function isSettled(facts: CredentialFacts, id: VersionId): boolean {
  const version = facts.versions.find((one) => one.id === id);
  if (version === undefined) return true;
  if (!version.compromised) return false;
  return version.intents.every(
    ({ effect, outcome, until }) => outcome !== undefined || until <= facts.now || !enlivens.includes(effect),
  );
}

const provedDead = (facts: CredentialFacts, compromised: readonly VersionId[]): readonly ProvedDead[] =>
  facts.versions.flatMap(({ id, dead, fate }) =>
    // `absent` with a copy left to ask with is on record, and no proof.
    dead === undefined || fate !== 'dead' || !compromised.includes(id)
      ? []
      : [{ version: id, at: dead.at, grade: dead.grade }],
  );

const enlivens: readonly string[] = ['issue', 'stage', 'promote', 'resume'];

const asksPeople = ['supply/', 'foreign/', 'effect/', 'by-hand/'];

/** Alarms that only a person's doing ends; their texts are ours. */
async function personNeeded(ledger: Ledger, credential: CredentialId): Promise<string | undefined> {
  const alarms = await ledger.openAlarms(credential);
  return alarms.find(({ key }) => asksPeople.some((begins) => key.startsWith(begins)))?.text;
}
