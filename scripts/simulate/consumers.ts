import { codeOf } from '../../domain/errors.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { showValue } from '../../providers/in-memory/world.ts';
import type { Chance } from './chance.ts';
import type { Oracle } from './oracle.ts';
import { minute } from './scenario.ts';
import { credential, path } from './entries.ts';
import type { SimulatedWorld } from './world.ts';

/** One copy of an application: reads its secret, uses it, proves it, and says so when it had to go back. */
export interface Instance {
  readonly name: string;
  /** What it uses; undefined before its first reading, and for one that has left. */
  holds(): VersionId | undefined;
  /** Until when keybaton believes that it is there, if it hears nothing more; later by each outage since. */
  believedUntil(): number;
  standStill(until: number): void;
  standsStill(): boolean;
  /** From its next turn on it works with the version before, once. */
  fallBack(): void;
  leave(): void;
  /** A store shows something else: it reads before long. */
  noticed(): void;
}

interface Held {
  readonly version: VersionId;
  readonly epoch: number;
  readonly value: string;
}

export function startInstance(
  world: SimulatedWorld,
  oracle: Oracle,
  chance: Chance,
  consumer: string,
  instance: string,
): Instance {
  const { agenda, ledger, lease } = world;
  const name = `${consumer}/${instance}`;
  let held: Held | undefined;
  let before: Held | undefined;
  let callOff = (): void => undefined;
  let dueAt = 0;
  let stillUntil = 0;
  let goesBack = false;
  let left = false;
  let goodbye = false;
  let proved = 0;
  let unread = true;
  let leaseUntil = 0;
  let returns = false;
  let outagesThen = 0;
  /** What it could not say yet: the ledger was down. */
  let owes: (() => Promise<unknown>)[] = [];

  async function said(what: () => Promise<unknown>): Promise<boolean> {
    if (agenda.now() < world.down.ledger) return false;
    try {
      await what();
      return true;
    } catch (thrown) {
      // The epoch it speaks of has passed, or its name is not asked for: nothing is to be said any more.
      const code = codeOf(thrown);
      if (code === 'CONFLICT' || code === 'NOT_FOUND') return true;
      throw thrown;
    }
  }

  async function turn(): Promise<void> {
    if (left) return;
    if (agenda.now() < stillUntil) return next();
    if (goodbye) {
      if (await said(() => ledger.leave({ credential, consumer, instance, how: 'deregistered' }))) {
        left = true;
        held = undefined;
        world.wake();
        return;
      }
      return next();
    }
    const boot = 'one';
    const beaten = await said(() => ledger.beat({ credential, consumer, instance, boot, lease }));
    if (beaten) {
      // It was given up meanwhile: what it held may be dead.
      if (leaseUntil > 0 && agenda.now() > leaseUntil + world.outages() - outagesThen) returns = true;
      leaseUntil = agenda.now() + lease;
      outagesThen = world.outages();
    }
    // Who is not known to keybaton yet reads nothing: the SDK registers first.
    if (!beaten && held === undefined) return next();
    read();
    await use();
    const due = owes;
    owes = [];
    for (const what of due) if (!(await said(what))) owes.push(what);
    next();
  }

  /** The store that answers; it follows the highest epoch that it has seen. */
  function read(): void {
    const index = chance.between(0, world.backends.length - 1);
    if (agenda.now() < (world.down.backends[index] ?? 0)) return;
    // Whoever read that finds out soon enough, and reads again.
    if (world.hands.stands(index) !== undefined) return;
    unread = false;
    const fields = world.backends[index]?.main(path);
    if (fields === undefined || !('keybaton_version' in fields)) return;
    const epoch = Number(fields['keybaton_epoch']);
    if (held !== undefined && epoch <= held.epoch) return;
    before = held;
    // What our own backend wrote beside the fields.
    held = { version: String(fields['keybaton_version']) as VersionId, epoch, value: String(fields['api_key']) };
  }

  async function use(): Promise<void> {
    if (held === undefined) return;
    const now = agenda.now();
    if (goesBack && before !== undefined && before.version !== held.version) {
      goesBack = false;
      if (showValue(world.provider, before.value, now) !== 'refused') return withdraw(held, before, 'fell-back');
    }
    if (showValue(world.provider, held.value, now) !== 'refused') {
      returns = false;
      if (proved < held.epoch) await prove(held);
      return;
    }
    if (before !== undefined && showValue(world.provider, before.value, now) !== 'refused')
      return withdraw(held, before, 'refused');
    if (!returns) oracle.unanswered(name, held.version);
  }

  function withdraw(from: Held, to: Held, what: 'fell-back' | 'refused'): void {
    proved = 0;
    owes.push(() => ledger.withdraw({ credential, epoch: from.epoch, consumer, instance, what, version: to.version }));
  }

  async function prove({ epoch }: Held): Promise<void> {
    await said(async () => {
      const { missing } = await ledger.prove({
        credential,
        epoch,
        consumer,
        instance,
        kind: 'possession',
        actor: name,
      });
      proved = epoch;
      if (missing === 0) world.wake();
    });
  }

  /** Soon as long as something is to be said; else before its lease is over. */
  function next(): void {
    const waits = unread || held === undefined || proved < held.epoch || owes.length > 0 || goodbye || goesBack;
    const soon = chance.between(10_000, 5 * minute);
    const late = chance.between(Math.floor(lease / 4), Math.floor(lease / 2));
    turnAt(agenda.now() < stillUntil ? stillUntil + 1 : agenda.now() + (waits ? soon : late));
  }

  function turnAt(at: number): void {
    callOff();
    dueAt = at;
    callOff = agenda.at(at, name, turn);
  }

  function sooner(at: number): void {
    if (!left && at < dueAt && agenda.now() >= stillUntil) turnAt(at);
  }

  turnAt(agenda.now() + chance.between(0, minute));
  return {
    name,
    holds: () => (left ? undefined : held?.version),
    believedUntil: () => leaseUntil + world.outages() - outagesThen,
    standStill: (until) => (stillUntil = Math.max(stillUntil, until)),
    standsStill: () => agenda.now() < stillUntil,
    fallBack() {
      goesBack = true;
      sooner(agenda.now() + 1_000);
    },
    leave() {
      goodbye = true;
      sooner(agenda.now() + 1_000);
    },
    noticed() {
      unread = true;
      sooner(agenda.now() + chance.between(500, 5 * minute));
    },
  };
}
