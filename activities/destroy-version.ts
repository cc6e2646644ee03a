import { codeOf, errorTable, isKeybatonError } from '../domain/errors.ts';
import { done, startOver, wait, type Answer, type EffectInput } from '../domain/rotation.ts';
import { backendCall, backendTimeout, providerCall } from './calls.ts';
import { copiesOf, type Copies } from './copies.ts';
import { giveWay } from './give-way.ts';
import type { ActivityPorts, BoundProvider, EntryPlace } from './ports.ts';
import { liveOf, stagedEnvelope, versionOf } from './world.ts';
import type { CredentialFacts, VersionFacts } from '../domain/facts.ts';

/**
 * Erases every copy of a dead version's material, the staged one too, wherever the ledger says that one was put, looks
 * once more for a late create under its tag, and lets the provider tidy up after a kill in a hurry. A version that is not
 * proved dead is left alone: its value is what proves it. What cannot be erased where the entry keeps nothing any more
 * stays on record, and people are told; the next run tries it again.
 */
export async function destroyVersion(
  ports: ActivityPorts,
  input: EffectInput,
  signal: AbortSignal,
): Promise<Answer<null>> {
  const facts = await ports.ledger.facts(input.credential);
  const version = versionOf(facts, input.version);
  if (version.fate === 'released') return done(null);
  const copies = await copiesOf(ports, facts, version);
  if (version.fate !== 'dead') {
    const copy = await copyThatMayBeLeft(ports, facts, version, copies, signal);
    if (copy !== undefined) return copy;
  }

  if (version.refs.length > 0 || version.intents.some((intent) => intent.effect === 'issue')) {
    const provider = await ports.provider(version.target);
    const way = version.compromised ? await giveWay(ports, provider, facts, 'dead') : undefined;
    if (way !== undefined) return way;
    const twins = liveOf(
      version,
      await provider.list(providerCall(ports, provider.traits.callTimeout, signal)),
      provider.installation,
    ).filter((live) => !live.disabled);
    for (const twin of twins) {
      await ports.ledger.refSeen({ version: version.id, ref: twin.ref });
      await provider.revoke(twin.ref, providerCall(ports, provider.traits.callTimeout, signal));
    }
    if (twins.length > 0) return wait('a late create was found and revoked; looking again', 500);
    if (version.compromised) await tidy(ports, provider, facts, version, signal);
  }
  return eraseEverywhere(ports, facts, version, copies, signal);
}

/** What a kill in a hurry has left beside the key. Before the copies: as long as one is left, a run comes here again. */
async function tidy(
  ports: ActivityPorts,
  provider: BoundProvider,
  { id }: CredentialFacts,
  version: VersionFacts,
  signal: AbortSignal,
): Promise<void> {
  for (const { ref } of version.refs) {
    try {
      await provider.revoke(ref, providerCall(ports, provider.traits.callTimeout, signal));
    } catch (thrown) {
      if (!isKeybatonError(thrown) || errorTable[thrown.code].retryable) throw thrown;
      // The key is proved dead, and nothing that is left can be used: it is said, and holds nothing up.
      const body = {
        version: version.id,
        target: provider.target,
        ref: ref.id,
        code: thrown.code,
        why: thrown.message,
      };
      await ports.ledger.note({ kind: 'version.untidy', credential: id, actor: 'rotation', body });
    }
  }
}

/** `destroyed` speaks for a whole backend: it is said when every place in it is empty of this version. */
async function eraseEverywhere(
  ports: ActivityPorts,
  facts: CredentialFacts,
  version: VersionFacts,
  { kept, left, outOfReach }: Copies,
  signal: AbortSignal,
): Promise<Answer<null>> {
  const places = [...kept, ...left];
  const stays: string[] = [];
  for (const backend of new Set([...places.map((at) => at.name), ...outOfReach.map((at) => at.backend)])) {
    await ports.ledger.intend({ version: version.id, effect: 'destroy', place: backend, within: backendTimeout });
    const gone = outOfReach.filter((at) => at.backend === backend).map(putBack);
    const shown: string[] = [];
    for (const at of places.filter(({ name }) => name === backend)) {
      try {
        await at.backend.destroy(at.place, version.id, backendCall(ports, signal));
      } catch (thrown) {
        if (codeOf(thrown) !== 'CONFLICT') throw thrown;
        if (kept.includes(at)) return startOver(`backend ${backend} still shows the version as current`);
        shown.push(stillRead(at));
      }
    }
    const why = [...gone, ...shown].join('; ');
    if (why === '') await ports.ledger.destroyed({ version: version.id, backend });
    else await ports.ledger.outcome({ version: version.id, effect: 'destroy', place: backend, outcome: 'failed', why });
    if (why !== '') stays.push(why);
  }
  await ports.ledger.cure({ credential: facts.id, keyPrefix: 'effect/' });
  const key = `copy/${version.id}`;
  if (stays.length === 0) {
    await ports.ledger.cure({ credential: facts.id, keyPrefix: key });
    return done(null);
  }
  const text = `not every copy of version ${version.id} is erased: ${stays.join('; ')}`;
  await ports.ledger.alarm({ credential: facts.id, key, text, page: true });
  // What is dead holds nobody up: the ledger remembers the copy, and the next run tries again.
  return version.fate === 'dead' ? done(null) : wait(text, 3_600_000, 'held');
}

const putBack = (at: Copies['outOfReach'][number]): string =>
  `backend ${at.backend}, which targets.yml no longer has, keeps one at ${at.path}: put the backend back, and the next rotation erases it`;

const stillRead = ({ name, place }: EntryPlace): string =>
  `backend ${name} shows it to readers of ${place.path}, which the entry has left: delete it there, and the next rotation erases the rest`;

/**
 * Not listed any more, and no value to ask with: `absent` is death once every place that had a copy has answered that it
 * has none. A copy where nobody can look leaves it doomed, and people are told.
 */
async function copyThatMayBeLeft(
  ports: ActivityPorts,
  facts: CredentialFacts,
  version: VersionFacts,
  { kept, left, outOfReach }: Copies,
  signal: AbortSignal,
): Promise<Answer<never> | undefined> {
  if (version.dead === undefined) return startOver('the version is not proved dead');
  const places = [...kept, ...left];
  const unreadable = places
    .filter((at) => !at.backend.readable)
    .map((at) => ({ backend: at.name, path: at.place.path }));
  const unseen = [...outOfReach, ...unreadable].find((at) =>
    version.copies.some((copy) => !copy.gone && copy.backend === at.backend && copy.path === at.path),
  );
  if (unseen !== undefined) {
    const text = `version ${version.id} is listed no more, but backend ${unseen.backend} may hold its value at ${unseen.path}, where nobody can ask with it: erase it there, then run \`keybaton release --alive\``;
    await ports.ledger.alarm({ credential: facts.id, key: `held/copy/${version.id}`, text, page: true });
    return wait(text, 3_600_000, 'held');
  }
  if ((await stagedEnvelope(ports, places, version.id, signal)) === 'absent') return undefined;
  return startOver('a copy of its value is left to ask with');
}
