import { condition } from '@temporalio/workflow';
import type { CredentialId } from '../domain/identifiers.ts';
import { momentDueAt, tellAgainIn } from '../domain/incident-clock.ts';
import type { KeyState } from '../domain/incident-keys.ts';
import { countTyped, type Declaration } from '../domain/incident.ts';
import { containment } from './effects.ts';
import { credentialsOf, isOver, type Named, type TellFrom, type WatchedRotations } from './incident-rotations.ts';
import type { PartKeys } from './part-keys.ts';
import { troubleOf } from './trouble.ts';

/** Rotations of one incident that replace side by side, and how many while its keys are still being proved dead. */
const side = 100;
const sideWhileProving = 20;
/** One that has not replaced after so long, milliseconds, keeps no other waiting. */
const patience = 15_000;

/** The rotations of many keys: told a few at a time, once the keys are contained. */
export interface Crowd {
  /** Has its rotation been told? Its outcome is asked for from then on. */
  readonly told: (credential: CredentialId) => boolean;
  /** Returns when each was told once; telling again is everybody's as ever. */
  tell(): Promise<void>;
}

/**
 * A thousand rotations that are told at once plan, wait and plan again, on the processors and at the providers that killing
 * needs. So the rotations of a crowd hear of it when every key of the part is contained, or was tried and cannot be; at the
 * latest when the clock says that all should be contained. Then as many at a time as replace side by side. What is killed
 * only once it is replaced is told at once. Undefined: no crowd, or all of it was told by an earlier run.
 */
export function openCrowd(
  { incident, keys, stops }: WatchedRotations,
  { declaredAt, pace, parts }: Declaration,
  from: TellFrom,
): Crowd | undefined {
  if (keys.all().length <= countTyped || from.times > 0) return undefined;
  const told = new Map<CredentialId, number>();
  const share = (of: number): number => Math.max(1, Math.ceil(of / Math.max(1, parts)));

  async function tell(some: readonly Named[]): Promise<boolean> {
    for (const { credential } of some) told.set(credential, Date.now());
    const rotations = some.map(({ credential, versions }) => ({ credential, compromised: versions }));
    try {
      const { untold } = await containment.escalateRotations({ incident, rotations });
      return untold.length === 0;
    } catch (thrown) {
      troubleOf(thrown);
      return false;
    }
  }

  /** As many as there is room for now. */
  function next(): readonly Named[] {
    const now = Date.now();
    const left = credentialsOf(keys).filter(({ credential }) => !told.has(credential));
    const busy = [...told].filter(([one, at]) => now - at < patience && !isOver(keys.outcomes.get(one))).length;
    const room = share(every(keys, dead) ? side : sideWhileProving) - busy;
    return left.slice(0, Math.max(0, room));
  }

  return {
    told: (credential) => told.has(credential),
    async tell() {
      const waiting = new Set(keys.all().flatMap((key) => (replacedFirst(key) ? [key.frozen.credential] : [])));
      if (waiting.size > 0) await tell(credentialsOf(keys).filter(({ credential }) => waiting.has(credential)));
      const longest = momentDueAt({ declaredAt, clock: pace.clock }, 'contained') - Date.now();
      if (longest > 0) await condition(() => stops() || every(keys, contained), longest);
      while (!stops() && told.size < credentialsOf(keys).length) {
        const some = next();
        if (some.length === 0) await condition(() => stops() || next().length > 0, patience / 5);
        else await tell(some);
      }
    },
  };
}

/** Tells them, and waits for as long as others do that were told all at once. */
export async function tellCrowd(crowd: Crowd, { pace, stops }: WatchedRotations, from: TellFrom): Promise<void> {
  await crowd.tell();
  if (stops()) return;
  from.times = 1;
  await condition(stops, tellAgainIn(pace.clock, 0));
}

const every = (keys: PartKeys, is: (key: KeyState) => boolean): boolean =>
  keys.all().every((key) => is(key) || replacedFirst(key) || failed(key));

const contained = (key: KeyState): boolean => key.containedAt !== undefined;
const dead = (key: KeyState): boolean => key.dead !== undefined;
const replacedFirst = ({ frozen }: KeyState): boolean => frozen.policy !== 'revoke-first';

/** Tried, and not for want of patience alone: who knows when it can be. */
const failed = (key: KeyState): boolean => key.person || key.told.some((code) => code !== 'RATE_LIMITED');
