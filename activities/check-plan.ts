import { dueReason } from '../domain/due.ts';
import { codeOf } from '../domain/errors.ts';
import type { CredentialFacts, RequestFacts } from '../domain/facts.ts';
import { versionIdFrom, type CredentialId, type VersionId } from '../domain/identifiers.ts';
import type { Liveness } from '../domain/lifecycle.ts';
import { plan, type DoThis } from '../domain/plan.ts';
import type { LiveCredential } from '../providers/provider.ts';
import { providerCall } from './calls.ts';
import { checked, troubleFinding, within, type CheckFinding } from './check-finding.ts';
import { consumerFindings, requestFindings, silenceFindings, strayFindings } from './plan-findings.ts';
import { planSteps } from './plan-steps.ts';
import { workloadFindings } from './plan-workloads.ts';
import { preflightRequest } from './plan-new-version.ts';
import { placesOf, type ActivityPorts, type BoundProvider, type EntryPlace } from './ports.ts';
import { describeAt, liveOf, livenessOf, standingOf } from './world.ts';

export interface CheckedPlan {
  readonly steps: readonly string[];
  readonly findings: readonly CheckFinding[];
}

/** Longest time for one question, in milliseconds. */
const patience = 15_000;

/**
 * What a rotation that is asked for now would do, step by step, by the real rule; and what would fail now. Only asks:
 * `list`, `preflight`, `describe`, and `verify` of the newest epoch's version, which nobody watches. NOT_FOUND for a
 * credential that the ledger has never heard of.
 */
export async function checkPlan(
  ports: ActivityPorts,
  credential: CredentialId,
  signal: AbortSignal,
  limit = patience,
): Promise<CheckedPlan> {
  const facts = await ports.ledger.facts(credential);
  const findings: CheckFinding[] = [...requestFindings(facts)];
  const ask = async <Answer>(subject: string, question: (signal: AbortSignal) => Promise<Answer>) => {
    try {
      return await within(limit, signal, question);
    } catch (thrown) {
      findings.push(troubleFinding(subject, thrown));
      return undefined;
    }
  };

  const target = `target ${facts.entry.target}`;
  const provider = await ask(target, () => ports.provider(facts.entry.target));
  const places = await ask('backends', () => placesOf(ports, facts.entry));
  if (provider === undefined || places === undefined) return { steps: [], findings };

  const listed = await ask(target, (inner) => provider.list(providerCall(ports, provider.traits.callTimeout, inner)));
  const standings = new Map<string, Awaited<ReturnType<typeof standingOf>>>();
  for (const at of places) {
    const standing = await ask(`backend ${at.name}`, (inner) => standingOf(ports, at, facts, inner));
    standings.set(at.name, standing ?? 'unknown');
    if (standing !== undefined)
      findings.push(...(await backendFindings(ports, at, standing, facts.epochs.length > 0, limit, signal)));
  }
  const newest = facts.epochs[0]?.version;
  const newestLiveness = await ask(target, (inner) => newestLives(ports, provider, places, facts, inner));
  if (newest !== undefined && newestLiveness !== undefined) findings.push(newestFinding(facts, newest, newestLiveness));

  const decision = decide(asked(facts), standings, (id) =>
    id === newest && newestLiveness !== undefined
      ? newestLiveness
      : listedLiveness(facts, id, listed, provider.installation),
  );
  if (decision === undefined) {
    const text = 'cannot tell which version would be kept: the provider does not say which of them live';
    return {
      steps: [],
      findings: [
        ...findings,
        { subject: target, verdict: 'cannot tell', text, remedy: 'cure the failures above, then plan again' },
      ],
    };
  }
  const place = decision.wanted === 'issue' ? await findPlace() : undefined;
  findings.push(
    ...(listed === undefined ? [] : await strayFindings(ports, provider, listed)),
    ...silenceFindings(facts, provider),
    ...(await checked('consumers', limit, signal, () => consumerFindings(ports, facts))),
    ...(await workloadFindings(ports, facts, limit, signal)),
  );
  return { steps: planSteps(facts, provider, decision, place), findings };

  async function findPlace(): Promise<string | undefined> {
    if (provider === undefined) return undefined;
    try {
      return await within(limit, signal, async (inner) => {
        const request = await preflightRequest(ports, provider, facts, versionIdFrom(ports.random(64)));
        const { place: found } = await provider.preflight(
          request,
          providerCall(ports, provider.traits.callTimeout, inner),
        );
        findings.push({
          subject: target,
          verdict: 'ok',
          text: `the admin credential is accepted and a new version fits in ${found}`,
        });
        return found;
      });
    } catch (thrown) {
      const trouble = troubleFinding(target, thrown);
      const older = decision?.doomed.some((id) => id !== newest) === true;
      const firstDies = codeOf(thrown) === 'CAPACITY_EXHAUSTED' && older;
      findings.push(
        firstDies
          ? { ...trouble, verdict: 'warning', remedy: 'nothing: the rotation lets an older version die first' }
          : trouble,
      );
      return undefined;
    }
  }
}

/** As if somebody asked for a rotation now. The request is only imagined. */
function asked(facts: CredentialFacts): CredentialFacts {
  if (dueReason(facts) !== undefined) return facts;
  const request: RequestFacts = {
    id: 'plan',
    kind: 'rotate',
    credential: facts.id,
    epoch: undefined,
    version: undefined,
    release: undefined,
    who: 'plan',
    why: 'asked what a rotation would do',
    at: facts.now,
  };
  return { ...facts, requests: [...facts.requests, request] };
}

/** The real rule, asked until it knows enough. Undefined: nobody answers what it needs to know. */
function decide(
  facts: CredentialFacts,
  backends: ReadonlyMap<string, Awaited<ReturnType<typeof standingOf>>>,
  lives: (version: VersionId) => Liveness | undefined,
): DoThis | undefined {
  const liveness = new Map<VersionId, Liveness>();
  for (;;) {
    const answer = plan({ facts, world: { liveness, backends }, compromised: new Set(), rehearse: false });
    if (answer.kind === 'do') return answer;
    for (const id of answer.versions) {
      const answered = lives(id);
      if (answered === undefined) return undefined;
      liveness.set(id, answered);
    }
  }
}

async function newestLives(
  ports: ActivityPorts,
  provider: BoundProvider,
  places: readonly EntryPlace[],
  facts: CredentialFacts,
  signal: AbortSignal,
): Promise<Liveness | undefined> {
  const newest = facts.versions.find((one) => one.id === facts.epochs[0]?.version);
  if (newest === undefined || newest.fate !== 'current') return undefined;
  return livenessOf(ports, provider, places, newest, signal);
}

/** An older version may be watched: it is looked for in the list, and never used. */
function listedLiveness(
  facts: CredentialFacts,
  id: VersionId,
  listed: readonly LiveCredential[] | undefined,
  installation: string,
): Liveness | undefined {
  const version = facts.versions.find((one) => one.id === id);
  if (version === undefined || listed === undefined) return undefined;
  return liveOf(version, listed, installation).some((live) => !live.disabled) ? 'live' : 'absent';
}

function newestFinding(facts: CredentialFacts, newest: VersionId, liveness: Liveness): CheckFinding {
  const subject = `version ${newest}`;
  if (liveness === 'live') return { subject, verdict: 'ok', text: 'the current version is alive at the provider' };
  return {
    subject,
    verdict: 'failure',
    text: `the current version is ${liveness} at the provider: consumers cannot be using it`,
    remedy: `keybaton rotate ${facts.id}: the rotation replaces it without waiting for anybody`,
  };
}

async function backendFindings(
  ports: ActivityPorts,
  at: EntryPlace,
  standing: Awaited<ReturnType<typeof standingOf>>,
  decided: boolean,
  limit: number,
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  const subject = `backend ${at.name}`;
  switch (standing) {
    case 'in-sync':
      return [
        {
          subject,
          verdict: 'ok',
          text: decided
            ? `${at.place.path} shows what the ledger decided`
            : `${at.place.path} is free for a first version`,
        },
      ];
    case 'behind':
      return [
        {
          subject,
          verdict: 'warning',
          text: `${at.place.path} does not show the newest epoch`,
          remedy: 'nothing: the rotation promotes it again',
        },
      ];
    case 'foreign':
      return [
        {
          subject,
          verdict: 'failure',
          text: `${at.place.path} holds a value that keybaton did not write: a rotation would hold there`,
          remedy: `restore ours there, or bring it in with keybaton import ${at.place.credential}`,
        },
      ];
    case 'unknown':
      // What stands in the way is asked once more, to hear it in its own words.
      return checked(subject, limit, signal, async (inner) => {
        await describeAt(ports, at, inner);
        const text = `${at.place.path} is write-only and has not acknowledged the newest epoch`;
        return { subject, verdict: 'cannot tell', text, remedy: 'nothing: the rotation promotes it again' };
      });
  }
}
