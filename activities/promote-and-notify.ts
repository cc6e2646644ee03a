import { codeOf, isKeybatonError } from '../domain/errors.ts';
import type { CredentialFacts, EpochReason } from '../domain/facts.ts';
import type { VersionId } from '../domain/identifiers.ts';
import { done, startOver, wait, type Answer, type EffectInput } from '../domain/rotation.ts';
import { restoredNote } from '../domain/reconcile.ts';
import { bringOut } from './bring-out.ts';
import { backendCall, backendTimeout } from './calls.ts';
import { keepFromExpiring, waitWhileStopped } from './keep-from-expiring.ts';
import { placesOf, type ActivityPorts, type EntryPlace } from './ports.ts';
import { stageLater } from './stage-later.ts';
import { describeAt, versionOf } from './world.ts';
import { envelopeFor, replacedIn } from './write-only.ts';

export interface PromoteInput extends EffectInput {
  readonly why: EpochReason;
  readonly expectedEpoch: number;
}

/** Milliseconds for telling workloads: promoting does not wait for a cluster. */
const nudging = 5_000;

/**
 * One ledger transaction decides; then each backend by compare-and-set, in order; then `describe`. Consumers see the
 * new epoch from the decision on. A value that is not ours is never overwritten and never adopted: hold and page.
 */
export async function promoteAndNotify(
  ports: ActivityPorts,
  input: PromoteInput,
  signal: AbortSignal,
): Promise<Answer<{ readonly epoch: number; readonly decidedNow: boolean }>> {
  const before = await ports.ledger.facts(input.credential);
  const version = versionOf(before, input.version);
  const held = await waitWhileStopped(ports, before, input, signal);
  if (held !== undefined) return held;
  if (version.compromised || input.compromised.includes(version.id)) return startOver('the version is compromised');

  const decidedNow = before.epochs[0]?.version !== input.version;
  const decided = await decide(ports, input);
  if (decided.kind !== 'done') return decided;
  // What held an earlier epoch holds nobody any more.
  if (decidedNow) {
    await ports.ledger.cure({ credential: input.credential, keyPrefix: 'held/' });
    await ports.ledger.cure({ credential: input.credential, keyPrefix: 'replacement/' });
  }
  const epoch = decided.result;
  const facts = decidedNow ? await ports.ledger.facts(input.credential) : before;
  if (watchedFromNow(facts.entry) && facts.versions.some((one) => one.everCurrent && one.fate === 'doomed'))
    await ports.workflows.watchTarget(version.target);

  for (const at of await placesOf(ports, facts.entry)) {
    const stood = await promoteAt(ports, at, facts, input, epoch, signal);
    if (stood !== undefined) return stood.kind === 'wait' ? keptMeanwhile(ports, facts, stood, signal) : stood;
  }
  await ports.ledger.cure({ credential: input.credential, keyPrefix: 'foreign/' });
  // Workloads in clusters are told at once; who asks for their evidence goes on with it, and says what is missing.
  await bringOut(ports, facts, AbortSignal.any([signal, AbortSignal.timeout(nudging)]));
  return done({ epoch, decidedNow });
}

/** What a store holds up is a hold like any other: neither the old version nor the new one may end meanwhile. */
async function keptMeanwhile(
  ports: ActivityPorts,
  facts: CredentialFacts,
  waits: Extract<Answer<never>, { readonly kind: 'wait' }>,
  signal: AbortSignal,
): Promise<Answer<never>> {
  const { againIn } = await keepFromExpiring(ports, facts, signal);
  return { ...waits, againIn: Math.min(waits.againIn, againIn) };
}

async function decide(ports: ActivityPorts, input: PromoteInput): Promise<Answer<number>> {
  try {
    const { epoch } = await ports.ledger.decide({
      credential: input.credential,
      version: input.version,
      expectedEpoch: input.expectedEpoch,
      why: input.why,
      run: input.run,
    });
    return done(epoch);
  } catch (thrown) {
    if (codeOf(thrown) === 'CONFLICT') return startOver('the ledger decided otherwise meanwhile');
    throw thrown;
  }
}

/**
 * The backend shows a decision that this ledger has lost: it was restored from a backup. A version that it knows is decided
 * on as was, so that whoever uses it is asked before it dies, and what is wanted now is asked anew. Otherwise, and above a
 * roll-back that people have asked for since, what is wanted is decided once more, later than that. Nothing is, if the ledger
 * has gone on meanwhile: then this is a call of the past.
 */
async function decideAbove(
  ports: ActivityPorts,
  input: PromoteInput,
  { epochs, versions }: CredentialFacts,
  lost: { readonly version: VersionId; readonly epoch: number },
): Promise<Answer<never>> {
  const { credential, run } = input;
  let expectedEpoch = epochs[0]?.epoch ?? 0;
  const decide = async (version: VersionId, above: number): Promise<boolean> => {
    try {
      expectedEpoch = (await ports.ledger.decide({ credential, version, expectedEpoch, why: 'survivor', run, above }))
        .epoch;
      return true;
    } catch (thrown) {
      if (codeOf(thrown) !== 'CONFLICT') throw thrown;
      return false;
    }
  };
  const taken = versions.some(({ id }) => id === lost.version) && (await decide(lost.version, lost.epoch - 1));
  if (!taken || epochs[0]?.why === 'roll-back') await decide(input.version, lost.epoch);
  return startOver('a backend showed a decision that the ledger had lost');
}

/** What may die as soon as GATE is asked is watched from then on, if GATE does not open. */
const watchedFromNow = ({ silence, soak }: CredentialFacts['entry']): boolean => 'for' in silence || soak > 0;

/** Undefined when this backend shows the version. */
async function promoteAt(
  ports: ActivityPorts,
  at: EntryPlace,
  facts: CredentialFacts,
  input: PromoteInput,
  epoch: number,
  signal: AbortSignal,
): Promise<Answer<never> | undefined> {
  const { main } = await describeAt(ports, at, signal);
  if (main.kind === 'ours' && main.version === input.version && main.epoch === epoch) return recordPromoted();
  if (main.kind === 'foreign') return holdForeign();
  // Each epoch names one version: another one under ours was decided on too.
  if (main.kind === 'ours' && main.epoch >= epoch && (await ports.ledger.remembered(restoredNote)) !== undefined)
    return decideAbove(ports, input, facts, main);
  if (main.kind === 'ours' && main.epoch > epoch) return startOver(`backend ${at.name} shows a later epoch`);

  await ports.ledger.intend({
    version: input.version,
    effect: 'promote',
    place: at.name,
    epoch,
    within: backendTimeout,
  });
  const along = await envelopeFor(ports, at, facts.entry, input.version, signal);
  const promotion = { version: input.version, epoch, expected: replacedIn(main), ...along };
  try {
    await at.backend.promote(at.place, promotion, backendCall(ports, signal));
  } catch (thrown) {
    // Nothing more can be learned by looking again where nothing can be read.
    if (codeOf(thrown) === 'CONFLICT' && main.kind === 'unknown')
      return holdForeign(`backend ${at.name}: ${messageOf(thrown)}`);
    // The entry has gained this place since: the version lies elsewhere.
    if (codeOf(thrown) === 'NOT_FOUND') return stageLater(ports, at, facts, versionOf(facts, input.version), signal);
    // Somebody wrote in between: what stands there now is looked at anew.
    if (codeOf(thrown) === 'CONFLICT') return wait(`backend ${at.name} changed while promoting`, 200);
    throw thrown;
  }
  const after = await describeAt(ports, at, signal);
  if (after.main.kind === 'ours' && after.main.version === input.version && after.main.epoch === epoch)
    return recordPromoted();
  if (after.main.kind === 'unknown') return recordPromoted();
  return wait(`backend ${at.name} does not show the version yet`, 200);

  async function recordPromoted(): Promise<undefined> {
    const shown = versionOf(facts, input.version).copies.some(
      (copy) => copy.backend === at.name && copy.path === at.place.path && copy.as === 'main' && copy.epoch === epoch,
    );
    if (!shown) await ports.ledger.promoted({ version: input.version, epoch, backend: at.name, path: at.place.path });
  }

  async function holdForeign(
    text = `backend ${at.name} holds a value at ${at.place.path} that keybaton did not write: restore ours there, or bring it in with \`keybaton import\``,
  ): Promise<Answer<never>> {
    await ports.ledger.alarm({ credential: input.credential, key: `foreign/${at.name}`, text, page: true });
    return wait(text, 60_000, 'held');
  }
}

const messageOf = (thrown: unknown): string => (isKeybatonError(thrown) ? thrown.message : codeOf(thrown));
