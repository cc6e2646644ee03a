import { KeybatonError } from '../domain/errors.ts';
import type { CredentialFacts, Ref } from '../domain/facts.ts';
import { versionIdFrom, type CredentialId, type VersionId } from '../domain/identifiers.ts';
import type { SecretMaterial } from '../domain/secret-material.ts';
import type { Issued } from '../providers/provider.ts';
import { backendCall, providerCall } from './calls.ts';
import { existingRef } from './existing-ref.ts';
import { refuseMisshapen } from './material-shape.ts';
import { placesOf, type ActivityPorts, type BoundProvider, type EntryPlace } from './ports.ts';
import { stagedIn, stageEverywhere } from './staging.ts';
import { takeOver } from './take-over.ts';
import { stopped } from './world.ts';

export interface ImportInput {
  readonly credential: CredentialId;
  readonly material: SecretMaterial;
  /** The provider's id of the key, or what it shows of it. Undefined only with `cannotRevoke`. */
  readonly refId: string | undefined;
  readonly cannotRevoke: boolean;
  readonly actor: string;
}

/** What an imported version without a ref is staged under; the ledger says that only a person can kill it. */
const byHand: Ref = { id: 'by-hand' };

/**
 * Brings a key that exists under management: finds its ref, proves that the value works and belongs to it, writes our
 * mark where the provider has a place for one, stages it, and records it as the next epoch. What stands at the main
 * places is taken over under that epoch. The version's id follows from the value, so that an import that was cut short
 * is finished by the same command.
 */
export async function importVersion(
  ports: ActivityPorts,
  input: ImportInput,
  signal: AbortSignal,
): Promise<{ readonly version: VersionId }> {
  const { credential, material, actor } = input;
  if ((input.refId === undefined) !== input.cannotRevoke)
    throw new KeybatonError(
      'INVALID_CONFIG',
      'an import names the ref of its key, or says that only a person can kill it',
    );
  const facts = await ports.ledger.facts(credential);
  const provider = await ports.provider(facts.entry.target);
  const places = await placesOf(ports, facts.entry);
  if (facts.status !== 'managed')
    throw new KeybatonError('CONFLICT', `${credential} is ${facts.status}: put it back into the inventory first`);
  const held = stopped(facts, []);
  if (held !== undefined) throw new KeybatonError('CONFLICT', held);
  refuseMisshapen(provider, material);

  const fingerprint = ports.keys.fingerprint(provider.name, material);
  const version = versionIdFrom(new TextEncoder().encode(fingerprint.slice(-64)));
  if (!(await isRecorded(ports, facts, fingerprint, version))) {
    for (const at of places) await at.backend.probe(at.place, backendCall(ports, signal));
    const call = () => providerCall(ports, provider.traits.callTimeout, signal);
    const ref =
      input.refId === undefined
        ? undefined
        : await existingRef(ports, provider, { ...input, refId: input.refId, version }, call());
    if ((await provider.verify(material, call())) === 'refused')
      throw new KeybatonError(
        'VERIFICATION_FAILED',
        'the provider refuses this value: look whether it is the right one',
      );
    // Before the provider is changed: whoever finds our mark there finds here what it is.
    await ports.ledger.note({
      kind: 'version.importing',
      credential,
      actor,
      body: { version, target: provider.target, ref: ref ?? null },
    });
    const handed =
      ref === undefined ? { ref: undefined, material } : await handOver(ports, provider, input, version, ref, signal);
    await stageEverywhere(ports, places, { version, ref: handed.ref ?? byHand, material }, signal);
    await ports.ledger.importVersion({
      credential,
      version,
      target: provider.target,
      ref: handed.ref,
      fingerprint,
      copies: stagedIn(places),
      proofKey: ports.keys.sealedProofKey(version, material),
      who: actor,
      current: true,
      ...('expiresAt' in handed && handed.expiresAt !== undefined ? { expiresAt: handed.expiresAt } : {}),
    });
  }
  await takeOverEverywhere(ports, places, credential, version, signal);
  return { version };
}

/** True: an earlier import of this very value got so far, and is current. CONFLICT when the value is anything else we know. */
async function isRecorded(
  ports: ActivityPorts,
  facts: CredentialFacts,
  fingerprint: string,
  version: VersionId,
): Promise<boolean> {
  const known = await ports.ledger.findFingerprint(fingerprint);
  if (known === undefined) return false;
  if (known.version === version && facts.epochs[0]?.version === version) return true;
  throw new KeybatonError(
    'CONFLICT',
    `this value is known already: it is version ${known.version} of ${known.credential}`,
  );
}

/** Our mark on a key that works already. A slot is nothing without it: its keys could never be revoked. */
async function handOver(
  ports: ActivityPorts,
  provider: BoundProvider,
  input: ImportInput,
  version: VersionId,
  ref: Ref,
  signal: AbortSignal,
): Promise<Issued> {
  if (provider.adopt === undefined) {
    if (provider.traits.topology === 'dual-slot' || provider.traits.topology === 'single-slot')
      throw new KeybatonError(
        'UNSUPPORTED',
        `provider ${provider.name} cannot mark a slot that works already: rotate it by hand once, or import it with --cannot-revoke`,
      );
    return { ref, material: input.material };
  }
  const known = (await ports.ledger.refsOfTarget(provider.target)).filter((one) => one.version !== version);
  const adopted = await provider.adopt(
    { credential: input.credential, version, material: input.material, known: known.map((one) => one.ref) },
    providerCall(ports, provider.traits.callTimeout, signal),
  );
  if (adopted.ref.id !== ref.id)
    throw new KeybatonError(
      'VERIFICATION_FAILED',
      `the value belongs to ${adopted.ref.id}, and ${ref.id} was named: it is marked now, so import it under its own ref`,
    );
  return adopted;
}

async function takeOverEverywhere(
  ports: ActivityPorts,
  places: readonly EntryPlace[],
  credential: CredentialId,
  version: VersionId,
  signal: AbortSignal,
): Promise<void> {
  const { epochs } = await ports.ledger.facts(credential);
  const newest = epochs[0];
  if (newest?.version !== version)
    throw new KeybatonError('CONFLICT', 'a later decision was made meanwhile: see `keybaton status`');
  for (const at of places) await takeOver(ports, at, version, newest.epoch, signal);
  await ports.ledger.cure({ credential, keyPrefix: 'foreign/' });
}
