import { codeOf, isKeybatonError, KeybatonError } from '../domain/errors.ts';
import { leastExpiry } from '../domain/expiry.ts';
import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';
import { done, fail, startOver, type Answer, type EffectInput } from '../domain/rotation.ts';
import type { Envelope } from '../backends/backend.ts';
import type { Issued } from '../providers/provider.ts';
import { adoptSupplied } from './adopt-supplied.ts';
import { backendCall, providerCall } from './calls.ts';
import { waitWhileStopped } from './keep-from-expiring.ts';
import { placesOf, type ActivityPorts, type BoundProvider, type EntryPlace } from './ports.ts';
import { intendIssue, recordIssued, stageEverywhere } from './staging.ts';
import { stagedEnvelope, versionOf } from './world.ts';

/**
 * Makes a version and stages it in every backend, in one activity: material never crosses an activity's border. Where
 * we choose the value it is staged before the provider hears of it, and a retry tells the provider the same one. Where
 * the provider mints it there is one create call per version id: an intent with neither outcome nor staged value makes
 * the id spent, and the retry takes a new one.
 */
export async function issueAndStage(
  ports: ActivityPorts,
  input: EffectInput,
  signal: AbortSignal,
): Promise<Answer<null>> {
  const facts = await ports.ledger.facts(input.credential);
  const planned = versionOf(facts, input.version);
  let version = planned;
  if (version.issued) return done(null);
  if (version.spent || !(version.fate === 'pending' || version.fate === 'standby' || isDrills(version)))
    return startOver('the version is not pending any more');
  const held = await waitWhileStopped(ports, facts, input, signal);
  if (held !== undefined) return held;

  const provider = await ports.provider(version.target);
  const places = await placesOf(ports, facts.entry);
  const staged = await stagedEnvelope(ports, places, version.id, signal);
  const attempted = version.intents.some((intent) => intent.effect === 'issue' && intent.outcome !== 'failed');
  if (!attempted) {
    const refusal = await probed(ports, places, signal);
    if (refusal !== undefined) return fail(refusal);
    version = await livingLong(ports, facts, planned);
  }
  if (provider.generate !== undefined) return issueOurs(ports, provider, places, version, staged, signal);
  if (provider.issue === undefined) return adoptSupplied(ports, provider, places, facts, version, staged, signal);
  if (staged !== 'absent') return rollForward(ports, provider, places, version, staged, signal);
  if (attempted) {
    await ports.ledger.spent({ version: version.id, why: 'its create call was not answered' });
    return startOver('the create call was not answered');
  }
  return mint(ports, provider, places, version, signal);
}

/** Planned long ago, and stopped since: it would be born old. A retry of its create call asks for the same end again. */
async function livingLong(ports: ActivityPorts, facts: CredentialFacts, version: VersionFacts): Promise<VersionFacts> {
  const life = leastExpiry(facts.entry);
  const expiresAt = facts.now + life;
  if (version.expiresAt === undefined || version.expiresAt > expiresAt - life / 10) return version;
  await ports.ledger.extended({ version: version.id, expiresAt });
  return { ...version, expiresAt };
}

/** Doomed from birth, and made all the same; but not once anybody has begun to kill it. */
const isDrills = ({ drill, fate, compromised, killBegun }: VersionFacts): boolean =>
  drill && fate === 'doomed' && !compromised && !killBegun;

/** Permanent trouble before the first intent ends the run; what may pass is thrown and tried again. */
async function probed(
  ports: ActivityPorts,
  places: readonly EntryPlace[],
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const at of places) {
    try {
      await at.backend.probe(at.place, backendCall(ports, signal));
    } catch (thrown) {
      const code = codeOf(thrown);
      if (code === 'UNAVAILABLE' || code === 'AMBIGUOUS' || code === 'RATE_LIMITED') throw thrown;
      return `backend ${at.name}: ${isKeybatonError(thrown) ? thrown.message : code}`;
    }
  }
  return undefined;
}

async function issueOurs(
  ports: ActivityPorts,
  provider: BoundProvider,
  places: readonly EntryPlace[],
  version: VersionFacts,
  staged: Envelope | 'absent',
  signal: AbortSignal,
): Promise<Answer<null>> {
  const { generate, issue } = provider;
  if (generate === undefined || issue === undefined)
    throw new KeybatonError('UNSUPPORTED', `provider ${provider.name} can generate but not issue`);
  const place = version.baseline?.place ?? '';
  const generated =
    staged === 'absent'
      ? generate({ version: version.id, place, random: (bytes) => ports.random(bytes) })
      : { ref: staged.ref, material: staged.material };
  await intendIssue(ports, provider, version, generated.ref);
  await stageEverywhere(ports, places, { version: version.id, ...generated }, signal);
  const issued = await issue(
    {
      credential: places[0]?.place.credential ?? raiseNoBackend(),
      version: version.id,
      place,
      generated,
      ...replaces(version),
      ...expiry(version),
    },
    providerCall(ports, provider.traits.callTimeout, signal),
  );
  return recordIssued(ports, provider, places, version, issued);
}

async function mint(
  ports: ActivityPorts,
  provider: BoundProvider,
  places: readonly EntryPlace[],
  version: VersionFacts,
  signal: AbortSignal,
): Promise<Answer<null>> {
  const place = version.baseline?.place ?? '';
  await intendIssue(ports, provider, version, undefined);
  let issued: Issued;
  try {
    const { issue } = provider;
    if (issue === undefined) throw new KeybatonError('UNSUPPORTED', `provider ${provider.name} cannot issue`);
    issued = await issue(
      {
        credential: places[0]?.place.credential ?? raiseNoBackend(),
        version: version.id,
        place,
        ...replaces(version),
        ...expiry(version),
      },
      providerCall(ports, provider.traits.callTimeout, signal),
    );
  } catch (thrown) {
    if (isKeybatonError(thrown) && thrown.code !== 'AMBIGUOUS') {
      await ports.ledger.outcome({ version: version.id, effect: 'issue', place, outcome: 'failed', why: thrown.code });
      throw thrown;
    }
    await ports.ledger.spent({ version: version.id, why: 'its create call may have happened' });
    return startOver('the create call may have happened');
  }
  await stageEverywhere(ports, places, { version: version.id, ref: issued.ref, material: issued.material }, signal);
  return recordIssued(ports, provider, places, version, issued);
}

/** A crash came after the first stage: the envelope holds value and ref. If its ref is gone at the provider, the id is spent. */
async function rollForward(
  ports: ActivityPorts,
  provider: BoundProvider,
  places: readonly EntryPlace[],
  version: VersionFacts,
  staged: Envelope,
  signal: AbortSignal,
): Promise<Answer<null>> {
  const listed = await provider.list(providerCall(ports, provider.traits.callTimeout, signal));
  if (!listed.some((live) => live.ref.id === staged.ref.id)) {
    await ports.ledger.spent({ version: version.id, why: 'its staged value has no ref at the provider any more' });
    return startOver('the staged value has no ref at the provider');
  }
  await stageEverywhere(ports, places, { version: version.id, ref: staged.ref, material: staged.material }, signal);
  return recordIssued(ports, provider, places, version, { ref: staged.ref, material: staged.material });
}

const replaces = (version: VersionFacts): { replaces?: string } =>
  version.baseline?.replaces === undefined ? {} : { replaces: version.baseline.replaces };
const expiry = (version: VersionFacts): { expiresAt?: number } =>
  version.expiresAt === undefined ? {} : { expiresAt: version.expiresAt };

function raiseNoBackend(): never {
  throw new KeybatonError('INVALID_CONFIG', 'the entry names no backend');
}
