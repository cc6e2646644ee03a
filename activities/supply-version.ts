import { dueReason } from '../domain/due.ts';
import { codeOf, isKeybatonError, KeybatonError } from '../domain/errors.ts';
import type { CredentialFacts, Ref, VersionFacts } from '../domain/facts.ts';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import { backendCall, backendTimeout, providerCall } from './calls.ts';
import { refuseMisshapen } from './material-shape.ts';
import { planNewVersion } from './plan-new-version.ts';
import { placesOf, type ActivityPorts, type BoundProvider, type EntryPlace } from './ports.ts';
import { stopped, versionOf } from './world.ts';

export interface SupplyInput {
  readonly credential: CredentialId;
  readonly material: SecretMaterial;
  readonly actor: string;
}

/** The envelope of a supplied value names this until `adopt` has found whose it is; the ledger then has the true ref. */
export const suppliedRef: Ref = { id: 'supplied' };

/**
 * Takes a value that only a person can make: shape, "not a known value" and, where the provider can be asked, whose it is are
 * checked here, before it is staged; whether it works, and all of it again, by the worker after. Intent, then a create-only stage in every backend. The same
 * value again changes nothing; another one for the same version is CONFLICT. The caller wakes the rotation.
 */
export async function supplyVersion(
  ports: ActivityPorts,
  input: SupplyInput,
  signal: AbortSignal,
): Promise<{ readonly version: VersionId }> {
  const facts = await ports.ledger.facts(input.credential);
  const provider = await ports.provider(facts.entry.target);
  refuseSupply(facts, provider);
  refuseMisshapen(provider, input.material);
  const known = await ports.ledger.findFingerprint(ports.keys.fingerprint(provider.name, input.material));
  if (known !== undefined)
    throw new KeybatonError(
      'CONFLICT',
      `this value is known already: it is version ${known.version} of ${known.credential}; make a new key and supply that`,
    );
  await refuseForeign(ports, provider, facts, input.material, signal);
  const places = await placesOf(ports, facts.entry);
  if (!places.some((at) => at.backend.readable))
    throw new KeybatonError(
      'UNSUPPORTED',
      `no backend of ${facts.id} can be read: a supplied value could be staged and never adopted; give the entry one that can`,
    );

  const version = await pendingVersion(ports, facts, provider, input.actor, signal);
  for (const at of places) await stageAt(ports, at, version, input.material, signal);
  await refuseIfGone(ports, places, input.credential, version, signal);
  await ports.ledger.note({
    kind: 'version.supplied',
    credential: facts.id,
    actor: input.actor,
    body: { version, backends: places.map((at) => at.name) },
  });
  return { version };
}

/** Would the next run take it, or throw it away? A version that nobody asked for is discarded, and so would be the paste. */
function refuseSupply(facts: CredentialFacts, provider: BoundProvider): void {
  const conflict = (text: string): KeybatonError => new KeybatonError('CONFLICT', text);
  if (provider.issue !== undefined || provider.adopt === undefined)
    throw new KeybatonError(
      'UNSUPPORTED',
      `${facts.id} is made by keybaton itself: run \`keybaton rotate\`, or \`keybaton import\` for a key that exists`,
    );
  if (facts.status !== 'managed') throw conflict(`${facts.id} is ${facts.status}: nothing new is issued for it`);
  if (facts.observeOnly) throw conflict('the ledger only observes until a person has confirmed it: nothing is issued');
  const held = stopped(facts, []);
  if (held !== undefined) throw conflict(held);
  const newest = facts.versions.find((one) => one.id === facts.epochs[0]?.version);
  // A current version that may not stay is replaced at once, whatever else is open.
  if (newest !== undefined && (newest.compromised || newest.refused)) return;
  if (facts.entry.mode === 'observe') throw conflict(`${facts.id} is in mode observe: nothing is issued for it`);
  const unfinished = facts.versions.find(
    (one) => one !== newest && one.everCurrent && one.fate !== 'dead' && one.fate !== 'released' && !one.debtMoved,
  );
  if (unfinished !== undefined)
    throw conflict(
      `version ${unfinished.id} of the rotation before is not dead yet: supply the next value when it is (\`keybaton status ${facts.id}\`)`,
    );
}

/**
 * Shape, organisation, and being another key than those that are known: asked of the provider before anything is stored. Where
 * this process may not use the admin credential the worker asks all of it before it adopts the value.
 */
async function refuseForeign(
  ports: ActivityPorts,
  provider: BoundProvider,
  facts: CredentialFacts,
  material: SecretMaterial,
  signal: AbortSignal,
): Promise<void> {
  const version = facts.versions.find((one) => one.fate === 'pending')?.id;
  const refs = await ports.ledger.refsOfTarget(provider.target);
  const known = refs.filter((one) => one.version !== version).map(({ ref }) => ref);
  try {
    await provider.examine?.({ version, material, known }, providerCall(ports, provider.traits.callTimeout, signal));
  } catch (thrown) {
    const code = codeOf(thrown);
    if (code !== 'ACCESS_DENIED' && code !== 'NOT_FOUND') throw thrown;
  }
}

/** The version that waits for a value; plans one, and asks for the rotation that it is for, when none does. */
async function pendingVersion(
  ports: ActivityPorts,
  facts: CredentialFacts,
  provider: BoundProvider,
  actor: string,
  signal: AbortSignal,
): Promise<VersionId> {
  // Asked before it is planned: a pending version that nothing asks for is discarded by the run that sees it.
  const request =
    dueReason(facts) === undefined
      ? await ports.ledger.request({ kind: 'rotate', credential: facts.id, who: actor, why: 'a value was supplied' })
      : undefined;
  const pending = waiting(facts);
  if (pending !== undefined) return pending.id;
  try {
    const planned = await planNewVersion(ports, facts, provider, false, signal);
    if (planned.kind === 'done' && planned.result !== undefined) return planned.result;
    throw new KeybatonError('CONFLICT', planned.kind === 'done' ? 'no version could be planned' : planned.reason);
  } catch (thrown) {
    // A run may have planned one meanwhile.
    const now = codeOf(thrown) === 'CONFLICT' ? waiting(await ports.ledger.facts(facts.id)) : undefined;
    if (now !== undefined) return now.id;
    if (request !== undefined)
      await ports.ledger.withdrawRequest({ id: request.id, who: actor, why: 'the value could not be taken' });
    throw thrown;
  }
}

function waiting(facts: CredentialFacts): VersionFacts | undefined {
  const pending = facts.versions.find(
    (one) => one.fate === 'pending' && !one.spent && !one.refused && !one.compromised,
  );
  if (pending?.issued === true)
    throw new KeybatonError('CONFLICT', `version ${pending.id} has its value already and is being rolled out`);
  return pending;
}

async function stageAt(
  ports: ActivityPorts,
  at: EntryPlace,
  version: VersionId,
  material: SecretMaterial,
  signal: AbortSignal,
): Promise<void> {
  await ports.ledger.intend({ version, effect: 'stage', place: at.name, within: backendTimeout });
  try {
    await at.backend.stage(at.place, { version, ref: suppliedRef, material }, backendCall(ports, signal));
  } catch (thrown) {
    if (isKeybatonError(thrown) && thrown.code === 'CONFLICT')
      throw new KeybatonError(
        'CONFLICT',
        `another value was supplied for version ${version} already: wait until it is taken or refused`,
      );
    throw thrown;
  }
  await ports.ledger.outcome({ version, effect: 'stage', place: at.name, outcome: 'done' });
}

/** The version may have been given up while its value was on the way: then no copy of the value may stay. */
async function refuseIfGone(
  ports: ActivityPorts,
  places: readonly EntryPlace[],
  credential: CredentialId,
  version: VersionId,
  signal: AbortSignal,
): Promise<void> {
  const { fate, issued } = versionOf(await ports.ledger.facts(credential), version);
  // Once adopted its copies are what proves its death.
  if (issued || fate === 'pending') return;
  for (const at of places) await at.backend.destroy(at.place, version, backendCall(ports, signal));
  throw new KeybatonError(
    'CONFLICT',
    `version ${version} was refused or given up meanwhile, and the value erased: see keybaton status ${credential}`,
  );
}
