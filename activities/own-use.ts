import { ownConsumer, worksWithIt } from '../domain/entry.ts';
import { isKeybatonError } from '../domain/errors.ts';
import type { CredentialFacts, EpochFacts, Ref, VersionFacts } from '../domain/facts.ts';
import type { CredentialId } from '../domain/identifiers.ts';
import type { KeptKey } from '../domain/reconcile.ts';
import { within } from './check-finding.ts';
import { targetsOpenedBy } from './opened-targets.ts';
import type { ActivityPorts } from './ports.ts';

type Ports = Pick<ActivityPorts, 'ledger' | 'keys' | 'provider' | 'workAs'>;

/** Milliseconds for work at one target; the effect that asks has 20 s for all it does. */
const patience = 8_000;
/** Targets worked at by one asking; the next asking goes on. */
const atOnce = 10;
/** Nobody has to renew it: keybaton's own use of a target ends when the target is gone from targets.yml. */
const lease = 30 * 86_400_000;

const kind = 'possession';
const consumer = ownConsumer;

/**
 * An admin credential is used by keybaton itself: each target that it opens is an instance of the consumer `keybaton`, proved
 * by work there that the provider let the new version do, with no other admin credential at hand. A target where a kill was
 * begun with the old version proves nothing before it is done. Answers, for people, what stands in the way.
 */
export async function proveOwnUse(
  ports: Ports,
  facts: CredentialFacts,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const newest = facts.epochs[0];
  const current = facts.versions.find((one) => one.id === newest?.version);
  if (newest === undefined || current === undefined || !worksWithIt(facts.entry)) return [];
  const { ledger } = ports;
  const targets = await targetsOpenedBy(ledger, facts.id);
  const known = await ledger.evidence(facts.id);
  const present = known.instances.filter((one) => one.consumer === consumer && !one.left);
  for (const { instance } of present) if (!targets.includes(instance)) await leave(ports, facts.id, instance);

  // All are demanded before the first is asked: one that cannot be reached must not be forgotten.
  for (const instance of targets)
    if (!present.some((one) => one.instance === instance && one.leaseUntil > facts.now))
      await ledger.beat({ credential: facts.id, consumer, instance, boot: consumer, lease });

  const settled = (target: string): boolean =>
    known.waivers.some((one) => one.consumer === consumer && (one.instance === undefined || one.instance === target)) ||
    known.evidence.some(
      (one) => one.consumer === consumer && one.instance === target && one.kind === kind && !one.withdrawn,
    );
  const troubles = targets
    .filter((target) => !settled(target))
    .slice(0, atOnce)
    .map(async (instance): Promise<string | undefined> => {
      try {
        const found = await worked(ports, facts, newest, current, instance, signal);
        if ('trouble' in found) return `${instance}: ${found.trouble}`;
        const shown = { credential: facts.id, epoch: newest.epoch, consumer, instance, kind } as const;
        await ledger.prove({ ...shown, actor: consumer, why: found.done });
        return undefined;
      } catch (thrown) {
        if (!isKeybatonError(thrown)) throw thrown;
        return `${instance}: nothing could be done there with it: ${thrown.message}`;
      }
    });
  return (await Promise.all(troubles)).filter((trouble) => trouble !== undefined);
}

/** A retiring entry opens nothing any more: no target names it, or `apply` had refused that. */
export async function endOwnUse(ports: Pick<ActivityPorts, 'ledger'>, facts: CredentialFacts): Promise<void> {
  if (!worksWithIt(facts.entry)) return;
  const targets = await targetsOpenedBy(ports.ledger, facts.id);
  const { instances } = await ports.ledger.evidence(facts.id);
  for (const { consumer: name, instance, left } of instances)
    if (name === consumer && !left && !targets.includes(instance)) await leave(ports, facts.id, instance);
}

const leave = ({ ledger }: Pick<ActivityPorts, 'ledger'>, credential: CredentialId, instance: string): Promise<void> =>
  ledger.leave({ credential, consumer, instance, how: 'deregistered' });

async function worked(
  ports: Ports,
  { id, entry, versions }: CredentialFacts,
  newest: EpochFacts,
  current: VersionFacts,
  target: string,
  signal: AbortSignal,
): Promise<{ readonly trouble: string } | { readonly done: string }> {
  const leaked = versions.some(({ compromised, fate }) => compromised && fate !== 'dead' && fate !== 'released');
  const kept = await ports.ledger.keysOfTarget(target);
  // A thief who holds the old one is worse than a kill that takes longer with the new one.
  const owed = leaked ? [] : await owedSince(ports, kept, id, target, newest);
  if (owed.length > 0) return { trouble: `not dead yet, and killed since before: ${owed.join(', ')}` };
  const { workAs } = ports;
  if (workAs === undefined) return { trouble: 'this process does not work at targets' };
  const dead = lastDead(kept);
  const material = await within(patience, signal, (inner) => workAs({ target, credential: id, dead }, inner));
  const { name } = await ports.provider(entry.target);
  // What the backend showed at that moment may be the version before, or a value of somebody else's.
  if (current.fingerprint === undefined || ports.keys.fingerprint(name, material) !== current.fingerprint)
    return { trouble: 'what was used there is not the newest version' };
  return {
    done: dead === undefined ? 'listed its keys with it' : `listed its keys and revoked ${dead.id} again with it`,
  };
}

/**
 * A key that is proved dead: to revoke it again changes nothing, and only who may kill is answered so. Never a slot, which has
 * another tenant now.
 */
const lastDead = (kept: readonly KeptKey[]): Ref | undefined =>
  kept.findLast(({ fate, refs: [first] }) => fate === 'dead' && first !== undefined && first.ref.mark === undefined)
    ?.refs[0]?.ref;

/** Some credentials with a kill there that was begun, or owed at once after a leak, before this decision, and is not done. */
async function owedSince(
  { ledger }: Ports,
  kept: readonly KeptKey[],
  own: CredentialId,
  target: string,
  { epoch, decidedAt }: EpochFacts,
): Promise<readonly CredentialId[]> {
  const doomed = new Set(kept.filter(({ fate }) => fate === 'doomed').map(({ credential }) => credential));
  const found: CredentialId[] = [];
  for (const credential of doomed) {
    const { versions, epochs } = await ledger.facts(credential);
    const begun = (one: VersionFacts): boolean => {
      // Where only a person can kill, no admin credential is needed.
      if (one.target !== target || one.fate !== 'doomed' || one.onlyByHand) return false;
      // What may die under this very decision is what this one replaces.
      if (credential === own && one.authorisedEpoch === epoch) return false;
      if (one.compromised) return (one.compromisedAt ?? 0) <= decidedAt;
      if (one.authorisedEpoch === undefined && !one.killBegun && !one.debtMoved) return false;
      // A kill that was authorised under a later decision is made with the new one.
      return (epochs.find((other) => other.epoch === one.authorisedEpoch)?.decidedAt ?? one.createdAt) <= decidedAt;
    };
    if (versions.some(begun) && found.push(credential) === 3) break;
  }
  return found;
}
