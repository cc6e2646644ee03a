import { rotationWorkflowId, type CredentialId } from '../../domain/identifiers.ts';
import {
  defaultLimits,
  driftFound,
  notNow,
  runLost,
  sweepReason,
  type SweepCandidate,
  type SweepLimits,
  type SweepReason,
} from '../../domain/sweep.ts';
import { openTally } from '../../domain/sweep-tally.ts';
import type { Chance } from './chance.ts';
import { day, hour, minute } from './scenario.ts';
import { credential as main, pathOf } from './entries.ts';
import type { SimulatedWorld } from './world.ts';

/** What the Schedule does in earnest, by the rules of the real sweep: starts what is due, and what was lost. */
export function startSweep(
  { agenda, temporal, ledger, down, pace, credentials, backends, hands }: SimulatedWorld,
  chance: Chance,
  {
    long,
    ends,
    quietFrom,
    tell,
  }: {
    readonly long: boolean;
    /** An interval is short where a key ends after two of them. */ readonly ends: boolean;
    readonly quietFrom: number;
    readonly tell: (line: string) => void;
  },
): void {
  const limits: SweepLimits = long ? defaultLimits : { ...defaultLimits, fruitless: 20 * minute };

  async function sweep(): Promise<void> {
    const next = long ? chance.between(hour, 3 * hour) : chance.between(10 * minute, ends ? hour / 2 : hour);
    // Soon after all has become quiet, so that rest is not waited for.
    const at = Math.min(agenda.now() + next, Math.max(agenda.now(), quietFrom) + 10 * minute);
    agenda.at(long ? agenda.now() + next : at, 'sweep', sweep);
    if (agenda.now() < down.ledger) return;
    for (const credential of credentials) await look(credential);
  }

  /** What backends show, beside what was decided. */
  async function drift(id: CredentialId): Promise<SweepReason | undefined> {
    const [newest] = (await ledger.facts(id)).epochs;
    const differing = backends.filter((backend, index) => {
      if (agenda.now() < (down.backends[index] ?? 0)) return false;
      const fields = backend.main(pathOf(id));
      const shows =
        fields?.['keybaton_version'] === newest?.version && Number(fields?.['keybaton_epoch']) === newest?.epoch;
      return !shows || (id === main && hands.stands(index) !== undefined);
    });
    return newest === undefined || differing.length === 0 ? undefined : driftFound(['a backend']);
  }

  /** Without its next rotation it would not last. */
  async function endsSoon({ id, schedule }: SweepCandidate): Promise<boolean> {
    const { versions } = await ledger.facts(id);
    return versions.some(
      ({ fate, expiresAt }) => fate === 'current' && (expiresAt ?? Infinity) < agenda.now() + schedule.every,
    );
  }

  async function look(credential: CredentialId): Promise<void> {
    const id = rotationWorkflowId(credential);
    if (temporal.running().includes(id)) return;
    const now = agenda.now();
    const [candidate] = await ledger.sweepCandidates([credential]);
    if (candidate === undefined) return;
    // Else nothing would ever come to rest; an entry that came back without a version that lives is due since then.
    const last = quietFrom + (long ? day : 0);
    const rests = candidate.alive > 0 || (candidate.dueAt ?? 0) > last;
    const later = now > last && candidate.epoch > 0 && rests && !(await endsSoon(candidate));
    const one = later ? { ...candidate, dueAt: undefined } : candidate;
    const reason =
      one.openRun === undefined
        ? (sweepReason(one, now, limits) ?? (one.status === 'managed' ? await drift(credential) : undefined))
        : runLost(one);
    if (reason === undefined) return;
    const situation = { now, limits, observeOnly: false, incidentTargets: new Set<string>(), tally: openTally() };
    if (notNow(one, reason, situation) !== undefined) return;
    tell(`sweep starts a rotation: ${reason.check}`);
    temporal.start('rotateCredential', id, [
      { credential, reason: reason.check, actor: 'sweep', rehearse: false, pace },
    ]);
  }
  void sweep();
}
