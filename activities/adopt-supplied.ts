import { isKeybatonError, KeybatonError } from '../domain/errors.ts';
import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';
import { startOver, wait, type Answer } from '../domain/rotation.ts';
import type { Envelope } from '../backends/backend.ts';
import type { Issued } from '../providers/provider.ts';
import { backendTimeout, providerCall } from './calls.ts';
import { eraseCopies } from './erase-copies.ts';
import type { ActivityPorts, BoundProvider, EntryPlace } from './ports.ts';
import { intendIssue, recordIssued, stageEverywhere } from './staging.ts';

/**
 * A version whose value a person supplies: waits for it, then asks the provider whether it works and to which one key
 * it belongs, and tags that key. A value that fails is erased and its version refused - never revoked, since it may be
 * another application's live key; people are told and a new one may be supplied.
 */
export async function adoptSupplied(
  ports: ActivityPorts,
  provider: BoundProvider,
  places: readonly EntryPlace[],
  facts: CredentialFacts,
  version: VersionFacts,
  staged: Envelope | 'absent',
  signal: AbortSignal,
): Promise<Answer<null>> {
  if (staged === 'absent') return askForValue(ports, provider, facts, version);
  const { adopt } = provider;
  if (adopt === undefined)
    throw new KeybatonError('UNSUPPORTED', `provider ${provider.name} can neither issue nor adopt a version`);
  await stageEverywhere(ports, places, { ...staged, version: version.id }, signal);

  // Asked before it is tagged: a value that is nearly another application's key must not make that key ours.
  const call = () => providerCall(ports, provider.traits.callTimeout, signal);
  if ((await provider.verify(staged.material, call())) === 'refused') {
    const spread = suppliedAt(version) + provider.traits.createSpread - facts.now;
    if (spread > 0)
      return wait('refused so far; inside the time its creation takes to spread', Math.min(spread, 5_000));
    return refuse(ports, places, facts, version, 'the provider refuses it', signal);
  }

  const unanswered = version.intents.some((intent) => intent.effect === 'issue' && intent.outcome === undefined);
  await intendIssue(ports, provider, version, undefined);
  let adopted: Issued;
  try {
    const known = (await ports.ledger.refsOfTarget(provider.target)).filter((one) => one.version !== version.id);
    adopted = await adopt(
      { credential: facts.id, version: version.id, material: staged.material, known: known.map((one) => one.ref) },
      call(),
    );
  } catch (thrown) {
    if (!isKeybatonError(thrown) || thrown.code === 'AMBIGUOUS') throw thrown;
    // While an earlier adoption is unanswered its tag may stand at the provider: the intent stays open, and is looked for.
    if (!unanswered) {
      const place = version.baseline?.place ?? '';
      await ports.ledger.outcome({ version: version.id, effect: 'issue', place, outcome: 'failed', why: thrown.code });
    }
    if (thrown.code !== 'VERIFICATION_FAILED') throw thrown;
    return refuse(ports, places, facts, version, thrown.message, signal);
  }
  const recorded = await recordIssued(ports, provider, places, version, adopted);
  await ports.ledger.cure({ credential: facts.id, keyPrefix: 'supply/' });
  return recorded;
}

/** Milliseconds after which a person who was asked for a value is paged. */
const patience = 86_400_000;

/**
 * People are told what to do as soon as a value is wanted, and paged when it has not come in a day; at once where the version
 * in use may not stay. Both end when a value is taken.
 */
async function askForValue(
  ports: ActivityPorts,
  { supplySteps }: BoundProvider,
  facts: CredentialFacts,
  version: VersionFacts,
): Promise<Answer<never>> {
  const newest = facts.versions.find((one) => one.id === facts.epochs[0]?.version);
  const urgent = newest !== undefined && (newest.compromised || newest.refused);
  const wanted = `a person must supply the new value: \`keybaton supply ${facts.id}\``;
  const left = urgent ? 0 : version.createdAt + patience - facts.now;
  if (supplySteps !== undefined) {
    const late =
      left > 0 ? '' : urgent ? ' at once, since the version in use may not stay' : ', and has been for a day';
    const text = `a new key is wanted${late}: ${supplySteps(version.id)}`;
    const key = `supply/${left > 0 ? 'wanted' : 'overdue'}/${version.id}`;
    await ports.ledger.alarm({ credential: facts.id, key, text, page: left <= 0 });
  }
  return wait(wanted, left > 0 ? Math.min(left, 3_600_000) : 3_600_000, 'issuing');
}

/** When the value was pasted, as near as the intent to stage it tells; a new key may be refused for a while. */
function suppliedAt(version: VersionFacts): number {
  const staged = version.intents.filter((intent) => intent.effect === 'stage').map((intent) => intent.until);
  return Math.max(version.createdAt, ...staged.map((until) => until - backendTimeout));
}

async function refuse(
  ports: ActivityPorts,
  places: readonly EntryPlace[],
  facts: CredentialFacts,
  version: VersionFacts,
  why: string,
  signal: AbortSignal,
): Promise<Answer<never>> {
  await ports.ledger.refused({ version: version.id, why });
  const text = `the supplied value was erased and nothing was revoked: ${why}; supply another with \`keybaton supply ${facts.id}\``;
  await ports.ledger.alarm({ credential: facts.id, key: `supply/${version.id}`, text, page: true });
  await eraseCopies(ports, places, version.id, signal);
  return startOver('the supplied value was refused');
}
