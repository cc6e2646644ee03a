import type { Scenario } from './cells.ts';

/** What was seen of one credential when everything had come to rest. Nothing in it is keybaton's own word but `known`, `debts` and `rotating`. */
export interface Seen {
  readonly scenario: Scenario;
  /** What the backend shows consumers; undefined: nothing. */
  readonly current: string | undefined;
  /** The provider takes the value that consumers read. */
  readonly accepted: boolean;
  /** What the backend showed before the cell. */
  readonly before: string | undefined;
  /** Versions of ours that live at the provider. */
  readonly live: readonly string[];
  /** Versions that keybaton says are not dead. */
  readonly known: readonly string[];
  /** Versions that keybaton says must die still. */
  readonly debts: readonly string[];
  readonly rotating: boolean;
  /** A key of somebody else beside it has died. */
  readonly bystanderGone: boolean;
  /** Milliseconds in which what consumers read was dead. */
  readonly deadCurrent: number;
}

export interface Counts {
  /** Live keys of ours that keybaton does not know to be alive. */
  readonly strays: number;
  /** Credentials with more than one live version. */
  readonly doubleLive: number;
  /** Live versions beside the current one that keybaton knows of and does not call a debt. */
  readonly lostDebts: number;
  /** Deaths of what was not to die: keys of others, and what consumers read now. */
  readonly wrongKills: number;
}

export interface Verdict extends Counts {
  /** In words; nothing when every promise was kept. */
  readonly faults: readonly string[];
}

export function judge(seen: Seen): Verdict {
  const { scenario, current, accepted, before, live, known, debts, rotating, bystanderGone, deadCurrent } = seen;
  const others = live.filter((version) => version !== current);
  const strays = live.filter((version) => !known.includes(version)).length;
  const lostDebts = others.filter((version) => known.includes(version) && !debts.includes(version)).length;
  const doubleLive = live.length > 1 ? 1 : 0;
  const deadNow = current === undefined || !live.includes(current) || !accepted;
  const wrongKills = (deadNow ? 1 : 0) + (bystanderGone ? 1 : 0);
  const wrong: readonly (readonly [boolean, string])[] = [
    [strays > 0, `${strays} live keys that keybaton does not know`],
    [doubleLive > 0, `${live.length} versions live`],
    [lostDebts > 0, `${lostDebts} versions live that nobody works on`],
    [deadNow, 'what consumers read is dead'],
    [bystanderGone, 'a key of somebody else is dead'],
    [deadCurrent > 0 && scenario !== 'emergency', `what consumers read was dead for ${Math.round(deadCurrent)} ms`],
    [current === before && scenario !== 'roll-back', 'it was not replaced'],
    [rotating, 'its rotation did not end'],
  ];
  return {
    strays,
    doubleLive,
    lostDebts,
    wrongKills,
    faults: wrong.filter(([holds]) => holds).map(([, text]) => text),
  };
}
