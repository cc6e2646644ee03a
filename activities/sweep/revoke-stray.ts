import { codeOf, KeybatonError } from '../../domain/errors.ts';
import type { Ref } from '../../domain/facts.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import { isVersionId } from '../../domain/identifiers.ts';
import { sameKey, type ReportedKey } from '../../domain/reconcile.ts';
import { defaultPace } from '../../domain/rotation.ts';
import { backendCall, providerCall } from '../calls.ts';
import { placesOf, type ActivityPorts, type EntryPlace } from '../ports.ts';
import { compareTarget } from './compare-target.ts';
import type { Starts } from './ports.ts';

export interface RevokeStray {
  readonly target: string;
  readonly ref: Ref;
  readonly actor: string;
}

/**
 * Lets one ripe stray die. What belongs to a version that must die anyway is owed again, and its rotation kills and
 * proves it; another is revoked here, once no stored copy names it. Looks again first: what a report said may be old.
 */
export async function revokeStray(
  ports: ActivityPorts,
  start: Starts['start'],
  { target, ref, actor }: RevokeStray,
  signal: AbortSignal,
): Promise<{ readonly ref: Ref; readonly how: 'owed' | 'revoked' }> {
  const { ledger } = ports;
  if (!(await ledger.trusted()))
    throw new KeybatonError('CONFLICT', 'the ledger was restored and only observes: read reconcile first, with --read');
  const stray = (await compareTarget(ports, target, signal)).keys.find((one) => sameKey(one.ref, ref));
  if (stray?.standing !== 'stray') throw new KeybatonError('CONFLICT', `key ${ref.id} is no stray of target ${target}`);
  if (!stray.ripe)
    throw new KeybatonError(
      'CONFLICT',
      `key ${ref.id} was not seen for long enough yet: reconcile again in a few minutes`,
    );

  const kept = (await ledger.keysOfTarget(target)).find((one) => one.version === stray.version);
  if (kept !== undefined && (kept.fate === 'dead' || kept.fate === 'doomed')) {
    await ledger.refSeen({ version: kept.version, ref: stray.ref });
    const { credential } = kept;
    await start({ credential, reason: 'doomedAlive', actor, rehearse: false, pace: defaultPace });
    return { ref: stray.ref, how: 'owed' };
  }
  await refuseStored(ports, target, stray, kept?.credential, signal);
  await revoke(ports, target, stray, actor, signal);
  return { ref: stray.ref, how: 'revoked' };
}

/** CONFLICT when a copy that is staged, or that consumers read, names it; what cannot be looked into may do so. */
async function refuseStored(
  ports: ActivityPorts,
  target: string,
  stray: ReportedKey,
  credential: CredentialId | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { version } = stray;
  if (version === undefined || !isVersionId(version))
    throw new KeybatonError('CONFLICT', `key ${stray.ref.id} does not say which version it is: look at it by hand`);
  for await (const at of placesAt(ports, target, credential)) {
    if (!at.backend.readable)
      throw new KeybatonError(
        'CONFLICT',
        `backend ${at.name} cannot be read: nobody can tell whether it holds key ${stray.ref.id}`,
      );
    for (const which of [version, 'current'] as const) {
      const held = await heldAt(ports, at, which, signal);
      if (held !== undefined && held.version === version && sameKey(held.ref, stray.ref))
        throw new KeybatonError(
          'CONFLICT',
          `backend ${at.name} holds key ${stray.ref.id}: bring it in with keybaton import`,
        );
    }
  }
}

async function heldAt(ports: ActivityPorts, at: EntryPlace, which: VersionId | 'current', signal: AbortSignal) {
  try {
    const { version, ref } = await at.backend.read(at.place, which, backendCall(ports, signal));
    return { version, ref };
  } catch (thrown) {
    if (codeOf(thrown) === 'NOT_FOUND') return undefined;
    throw thrown;
  }
}

/** The places of one credential, or of every one at the target when nobody knows whose it is. */
async function* placesAt(
  ports: ActivityPorts,
  target: string,
  credential: CredentialId | undefined,
): AsyncGenerator<EntryPlace> {
  const { ledger } = ports;
  if (credential !== undefined) {
    yield* await placesOf(ports, (await ledger.facts(credential)).entry);
    return;
  }
  const limit = 100;
  for (let page = await ledger.list({ limit }); ;) {
    for (const { entry } of page) if (entry.target === target) yield* await placesOf(ports, entry);
    const last = page.at(-1);
    if (last === undefined || page.length < limit) return;
    page = await ledger.list({ after: last.id, limit });
  }
}

async function revoke(
  ports: ActivityPorts,
  target: string,
  { ref, version }: ReportedKey,
  actor: string,
  signal: AbortSignal,
): Promise<void> {
  const provider = await ports.provider(target);
  const body = { target, ref: ref.id, version: version ?? null };
  await ports.ledger.note({ kind: 'stray.revoking', actor, body });
  await provider.revoke(ref, providerCall(ports, provider.traits.callTimeout, signal));
  const left = await provider.list(providerCall(ports, provider.traits.callTimeout, signal));
  if (left.some((key) => sameKey(key.ref, ref) && !key.disabled))
    throw new KeybatonError('UNAVAILABLE', `key ${ref.id} is revoked and still listed: reconcile again in a while`);
  await ports.ledger.note({ kind: 'stray.revoked', actor, body });
}
