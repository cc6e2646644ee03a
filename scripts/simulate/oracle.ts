import type { Ref } from '../../domain/facts.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { KillFact } from '../../domain/incident.ts';
import type { WorldKey } from '../../providers/in-memory/world.ts';
import type { Instance } from './consumers.ts';
import { endsWatch, stands, versionOf } from './ends.ts';
import { installation } from './ledger.ts';
import { minute } from './scenario.ts';
import { credential, dependent, path, pathOf } from './entries.ts';
import type { SimulatedWorld } from './world.ts';

/** What may never happen, looked at from outside: at the provider, in the backends, and in what consumers hold. */
export interface Oracle {
  /** At the moment in which something reaches the provider. */
  atProvider(operation: string, given: readonly unknown[]): void;
  /** At the moment in which something is told to the ledger. */
  readonly atLedger: (operation: string, given: readonly unknown[]) => void;
  /** A consumer got no answer, neither with what it holds nor with what it held before. */
  unanswered(instance: string, holds: VersionId): void;
  leaked(versions: readonly VersionId[]): void;
  /** The ledger is told that they leaked, or is about to be. */
  known(versions: readonly VersionId[]): void;
  /** Nobody is asked to be quick before then: what goes wrong keeps a kill waiting. */
  disturbed(until: number): void;
  /** After every event. */
  readonly look: () => void;
  /** When nothing is left to be done. */
  atRest(): Promise<void>;
  readonly broken: (what: string) => void;
  readonly violations: readonly string[];
  readonly compromised: ReadonlySet<string>;
}

/** An effect that was under way when its version leaked has ended by then. */
const promoteEnds = 120_000;

/** From a leak, or from the end of what keeps everybody waiting, to the end of the key: what a whole emergency may take. */
const killTakes = 15 * minute;

/** From the moment in which GATE was asked to the end of the call that it allowed. */
const gateTakes = 10 * minute;

const foreign = [
  { id: 'made-by-a-person', tag: undefined },
  { id: 'of-another-installation', tag: 'zzzzzzzz:kb000000000000000000000000000000' },
] as const;

export function oracle(world: () => SimulatedWorld, instances: readonly Instance[], slots: boolean): Oracle {
  const violations: string[] = [];
  const compromised = new Set<string>();
  const leakedAt = new Map<string, number>();
  const knownAt = new Map<string, number>();
  /** Leaked, and not seen dead yet. */
  const hunted = new Set<string>();
  let disturbedUntil = 0;
  /** Only by what fails, never by what people do. */
  let keptAwayUntil = 0;
  /** When each epoch was first shown by a backend. */
  const shownAt = new Map<number, number>();
  /** The newest epoch each backend has shown. */
  const shown = new Map<unknown, number>();
  /** Versions that were current once, and what was done to them at the provider. */
  const everShown = new Set<string>();
  const begun = new Set<string>();
  /** What was killed of an entry that was removed, and let go: stores go on to show the last of it. */
  const excused = new Set<string>();

  function broken(what: string): void {
    if (violations.includes(what)) return;
    violations.push(what);
    world().agenda.stop();
  }

  const keyOf = (version: string): WorldKey | undefined =>
    world().provider.change(({ keys }) => keys.findLast((key) => versionOf(key) === version));
  const works = (key: WorldKey, now: number): boolean =>
    stands(key, now) && !key.disabled && key.worksAt <= now && key.appearsAt <= now;
  const ends = endsWatch({ world, instances, compromised, keptAwayUntil: () => keptAwayUntil, broken });

  /** Nothing of it stands; nothing of it is accepted any more either, where it was asked with its value. */
  function reallyDead(version: VersionId, grade: string): void {
    const now = world().agenda.now();
    const left = world().provider.change(({ keys }) =>
      keys.filter(
        (key) => versionOf(key) === version && (stands(key, now) || (grade === 'refused' && now < (key.diesAt ?? 0))),
      ),
    );
    if (left.length > 0) broken(`${version} is called dead, and ${left.map(({ id }) => id).join()} lives`);
  }

  function lookAt(backend: SimulatedWorld['backends'][number], at: string, now: number, byHand: boolean): void {
    const shelf = backend.shelf(at);
    // Not by keybaton: it is not to blame for what stands there, nor for what was there before.
    if (byHand) return void shown.delete(shelf);
    // Our own backend wrote it: a text.
    const version = backend.main(at)?.['keybaton_version'] as string | undefined;
    if (version === undefined) return;
    const epoch = Number(backend.main(at)?.['keybaton_epoch']);
    if (at === path && !shownAt.has(epoch)) shownAt.set(epoch, now);
    if (at === path) everShown.add(version);
    if (epoch < (shown.get(shelf) ?? 0))
      broken(`a backend that showed epoch ${shown.get(shelf) ?? 0} shows epoch ${epoch} again`);
    const changed = shown.has(shelf) && shown.get(shelf) !== epoch;
    shown.set(shelf, epoch);
    if (compromised.has(version)) {
      const late = now - (knownAt.get(version) ?? now) > promoteEnds;
      if (changed && late) broken(`a backend shows ${version} anew, long after it leaked`);
      return;
    }
    if (excused.has(version) || ends.excused(version)) return;
    const key = keyOf(version);
    // In an emergency it is shown before it has spread: what it replaces is dead anyway.
    const spreads = key !== undefined && key.revokedAt === undefined && compromised.size > 0;
    if (key === undefined || !(works(key, now) || (spreads && now < key.worksAt)))
      broken(`a backend calls ${version} current, and it does not live`);
  }

  /** GATE asks every backend before it lets the first one die; once a kill has begun there is no way back. */
  function unasked(operation: string, version: string): void {
    const first = !begun.has(`${operation} ${version}`);
    begun.add(`${operation} ${version}`);
    // What was sent long ago may arrive late where keys are slots.
    if (!first || slots || !everShown.has(version)) return;
    const { agenda, backends, hands } = world();
    const overwritten = backends.findIndex(
      (_, index) => agenda.now() - (hands.stands(index)?.since ?? agenda.now()) > gateTakes,
    );
    if (overwritten >= 0)
      broken(`${operation} of ${version}, and backend ${overwritten} shows what somebody wrote there`);
  }

  async function restOf(id: CredentialId): Promise<string | undefined> {
    const facts = await world().ledger.facts(id);
    const [newest] = facts.epochs;
    if (newest === undefined) {
      broken(`${id}: nothing was ever promoted`);
      return undefined;
    }
    const mine = world().provider.change(({ keys }) =>
      keys.filter((key) => key.tag?.startsWith(`${installation}:`) === true && stands(key, world().agenda.now())),
    );
    const keeps = id === credential && world().entry().standby;
    const spare = keeps ? facts.versions.findLast(({ fate }) => fate === 'standby') : undefined;
    if (keeps && spare?.issued !== true) broken('at rest no version stands by');
    const stay: string[] = [newest.version, ...(spare === undefined ? [] : [spare.id])];
    const others =
      world().credentials.length > 1
        ? (await world().ledger.facts(id === credential ? dependent : credential)).versions
        : [];
    const own = mine.filter((key) => !others.some((other) => other.id === versionOf(key)));
    const live = own.map((key) => `${versionOf(key) ?? ''}${key.disabled ? ' (disabled)' : ''}`);
    if (live.toSorted().join() !== stay.toSorted().join())
      broken(`at rest these of ours live: ${live.join(', ')}; those to stay are ${stay.join(', ')}`);
    for (const one of stay) if (compromised.has(one)) broken(`at rest ${one} stays, and it is compromised`);
    for (const version of facts.versions)
      if (!stay.includes(version.id) && version.fate !== 'dead') broken(`at rest ${version.id} is ${version.fate}`);
    for (const [index, backend] of world().backends.entries()) {
      const fields = backend.main(pathOf(id));
      if (fields?.['keybaton_version'] !== newest.version || Number(fields['keybaton_epoch']) !== newest.epoch)
        broken(`at rest backend ${index} shows ${String(fields?.['keybaton_version'])}`);
      const copies = [...backend.shelf(pathOf(id)).staged.keys()].filter((id) => !stay.includes(id));
      if (copies.length > 0) broken(`at rest backend ${index} keeps copies of ${copies.join(', ')}`);
    }
    return newest.version;
  }

  /** Nothing that was ever made for an entry that is gone lives, and nobody keeps any of it but what was shown last. */
  async function endOf(id: CredentialId): Promise<undefined> {
    const { versions, epochs, status } = await world().ledger.facts(id);
    const ofIt = new Set<string | undefined>(versions.map((version) => version.id));
    const live = world().provider.change(({ keys }) =>
      keys.filter((key) => stands(key, world().agenda.now()) && ofIt.has(versionOf(key))),
    );
    if (live.length > 0) broken(`at rest ${live.map((key) => key.id).join()} lives, and ${id} is retired`);
    for (const version of versions)
      if (version.fate !== 'dead') broken(`at rest ${version.id} is ${version.fate}, and ${id} is retired`);
    if (status !== 'released') broken(`at rest ${id} is ${status}, and a person let it go`);
    for (const [index, backend] of world().backends.entries()) {
      const copies = [...backend.shelf(pathOf(id)).staged.keys()].filter((one) => one !== epochs[0]?.version);
      if (copies.length > 0) broken(`at rest backend ${index} keeps copies of ${copies.join(', ')}`);
    }
    return undefined;
  }

  /** Whatever else waits, pauses or is frozen: what leaked dies soon. */
  function inTime(version: string, now: number): void {
    const { emergency } = world().entry();
    const bound = emergency.policy === 'replace-first' ? emergency.bound : 0;
    const due = Math.max(disturbedUntil, leakedAt.get(version) ?? now) + killTakes + bound;
    if (now <= due) return;
    const left = world().provider.change(({ keys }) =>
      keys.some((key) => versionOf(key) === version && stands(key, now) && !key.disabled),
    );
    if (left) broken(`${version} leaked long ago, and it lives`);
    else hunted.delete(version);
  }

  return {
    violations,
    compromised,
    broken,
    leaked(versions) {
      for (const version of versions) {
        compromised.add(version);
        if (leakedAt.has(version)) continue;
        leakedAt.set(version, world().agenda.now());
        hunted.add(version);
      }
    },
    known(versions) {
      const now = world().agenda.now();
      for (const version of versions) knownAt.set(version, knownAt.get(version) ?? now);
    },
    disturbed(until) {
      disturbedUntil = Math.max(disturbedUntil, until);
      if (until > world().agenda.now()) keptAwayUntil = Math.max(keptAwayUntil, until);
    },

    atProvider(operation, given) {
      if (operation !== 'revoke' && operation !== 'suspend') return;
      // The contract's own argument.
      const ref = given[0] as Ref;
      const key = world().provider.change(({ keys }) =>
        keys.find((one) => one.id === ref.id && one.revokedAt === undefined && (!slots || one.tag === ref.mark)),
      );
      const version = versionOf(key);
      if (key === undefined) return;
      if (key.tag?.startsWith(`${installation}:`) !== true)
        return broken(`${operation} reached ${key.id}, which keybaton did not make`);
      if (version === undefined || compromised.has(version)) return;
      const showing = world().credentials.filter((id) =>
        world().backends.some((one) => one.main(pathOf(id))?.['keybaton_version'] === version),
      );
      const goes = world().mayGo() && !showing.includes(dependent);
      if (goes) excused.add(version);
      else unasked(operation, version);
      // Who had fallen silent before the newest epoch was decided is not waited for.
      const decided = Math.max(0, ...shownAt.values()) - 60_000;
      const holder = instances.find((one) => one.holds() === version && one.believedUntil() >= decided);
      if (holder !== undefined) broken(`${operation} of ${version} while ${holder.name} holds it`);
      if (showing.length > 0 && !goes && operation === 'revoke')
        broken(`revoke of ${version}, which a backend calls current`);
    },

    atLedger(operation, given) {
      ends.atLedger(operation, given);
      // Both as the ledger's contract has them.
      if (operation === 'dead') {
        const { version, grade } = given[0] as { readonly version: VersionId; readonly grade: string };
        reallyDead(version, grade);
      }
      if (operation !== 'killFacts') return;
      const { facts } = given[0] as { readonly facts: readonly KillFact[] };
      for (const fact of facts) if (fact.kind === 'dead') reallyDead(fact.version, fact.grade);
    },

    unanswered(instance, holds) {
      ends.look();
      if (compromised.size === 0 && !excused.has(holds) && !ends.excused(holds))
        broken(`${instance} got no answer: it holds ${holds}`);
    },

    look() {
      const now = world().agenda.now();
      for (const version of hunted) inTime(version, now);
      ends.look();
      const { backends, credentials, hands } = world();
      for (const [index, backend] of backends.entries()) {
        const wrong = hands.wrong(index);
        if (wrong !== undefined) broken(`backend ${index}: ${wrong}`);
        lookAt(backend, path, now, hands.stands(index) !== undefined);
        if (credentials.includes(dependent)) lookAt(backend, pathOf(dependent), now, false);
      }
      for (const { id } of foreign) {
        const key = world().provider.change(({ keys }) => keys.find((one) => one.id === id));
        if (key?.revokedAt !== undefined || key?.disabled === true) broken(`${id} was killed`);
      }
    },

    async atRest() {
      const newest = world().kept() ? await restOf(credential) : await endOf(credential);
      if (world().credentials.includes(dependent)) await restOf(dependent);
      for (const instance of instances) {
        const holds = instance.holds();
        if (holds !== undefined && holds !== newest && !instance.standsStill())
          broken(`at rest ${instance.name} holds ${holds}`);
      }
      const chain = await world().ledger.verifyChain();
      if (chain.broken.length > 0) broken(`the chain of the ledger is broken at ${chain.broken[0]?.n}`);
    },
  };
}

export { foreign };
