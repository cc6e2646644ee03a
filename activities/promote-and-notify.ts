import { codeOf } from '../domain/errors.ts';
import type { CredentialFacts, EpochReason } from '../domain/facts.ts';
import { done, startOver, wait, type Answer, type EffectInput } from '../domain/rotation.ts';
import { backendCall, backendTimeout } from './calls.ts';
import { placesOf, type ActivityPorts, type EntryPlace } from './ports.ts';
import { describeAt, stopped, versionOf } from './world.ts';

export interface PromoteInput extends EffectInput {
  readonly why: EpochReason;
  readonly expectedEpoch: number;
}

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
  const held = stopped(before, input.compromised);
  if (held !== undefined) return wait(held, 3_600_000);
  if (version.compromised || input.compromised.includes(version.id)) return startOver('the version is compromised');

  const decidedNow = before.epochs[0]?.version !== input.version;
  const decided = await decide(ports, input);
  if (decided.kind !== 'done') return decided;
  // What held an earlier epoch holds nobody any more.
  if (decidedNow) await ports.ledger.cure({ credential: input.credential, keyPrefix: 'held/' });
  const epoch = decided.result;
  const facts = decidedNow ? await ports.ledger.facts(input.credential) : before;
  if (facts.versions.some((one) => one.everCurrent && one.fate === 'doomed'))
    await ports.workflows.watchTarget(version.target);

  for (const at of await placesOf(ports, facts.entry)) {
    const stood = await promoteAt(ports, at, facts, input, epoch, signal);
    if (stood !== undefined) return stood;
  }
  await ports.ledger.cure({ credential: input.credential, keyPrefix: 'foreign/' });
  return done({ epoch, decidedNow });
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
  if (main.kind === 'ours' && main.epoch > epoch) return startOver(`backend ${at.name} shows a later epoch`);

  await ports.ledger.intend({
    version: input.version,
    effect: 'promote',
    place: at.name,
    epoch,
    within: backendTimeout,
  });
  const expected = main.kind === 'ours' ? main.version : undefined;
  try {
    await at.backend.promote(at.place, { version: input.version, epoch, expected }, backendCall(ports, signal));
  } catch (thrown) {
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
      (copy) => copy.backend === at.name && copy.as === 'main' && copy.epoch === epoch,
    );
    if (!shown) await ports.ledger.promoted({ version: input.version, epoch, backend: at.name, path: at.place.path });
  }

  async function holdForeign(): Promise<Answer<never>> {
    const text = `backend ${at.name} holds a value at ${at.place.path} that keybaton did not write: restore ours there, or bring it in with \`keybaton import\``;
    await ports.ledger.alarm({ credential: input.credential, key: `foreign/${at.name}`, text, page: true });
    return wait(text, 60_000, 'held');
  }
}
