import { issueAndStage } from '../../activities/issue-and-stage.ts';
import { planRotation } from '../../activities/plan-rotation.ts';
import { promoteAndNotify } from '../../activities/promote-and-notify.ts';
import type { Finding } from '../../control/ports.ts';
import { packageVersion } from '../../control/cli/version.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import { queues } from '../../domain/queues.ts';
import { identityOf } from '../../worker/builds.ts';
import type { Poller } from '../../worker/pollers.ts';
import { openChecks, type ChecksInput } from '../../worker/checks.ts';
import { signal, worldDump, type Rig } from '../activities/rig.ts';

export const checksOf = (rig: Rig, changes: Partial<ChecksInput> = {}) =>
  openChecks({
    ports: rig.ports,
    adapters: rig.adapters,
    rotations: { ping: async () => 3 },
    pollers: async () => everyQueue(identityOf(`${packageVersion()}/abc`)),
    killSheet: rig.killSheet,
    ...changes,
  });

/** A worker as it polls. */
export const everyQueue = (identity: string): readonly Poller[] =>
  Object.values(queues).flatMap((queue) =>
    (['workflows', 'activities'] as const).map((work) => ({ queue, identity, work })),
  );

/** One rotation by hand, up to the promotion. */
export async function rotate(rig: Rig, run: string): Promise<VersionId> {
  if ((await rig.facts()).epochs.length > 0)
    await rig.ledger.request({ kind: 'rotate', credential: rig.id, who: 'test', why: 'test' });
  const planned = await planRotation(
    rig.ports,
    { credential: rig.id, run, reason: 'test', actor: 'test', rehearse: false, compromised: [] },
    signal(),
  );
  if (planned.kind !== 'done' || planned.result.kind !== 'work') throw new Error('nothing was planned');
  const { wanted, why, expectedEpoch } = planned.result.plan;
  if (wanted === undefined) throw new Error('nothing was wanted');
  const input = { ...rig.effect(wanted), run };
  await issueAndStage(rig.ports, input, signal());
  await promoteAndNotify(rig.ports, { ...input, why, expectedEpoch }, signal());
  return wanted;
}

export const of = (findings: readonly Finding[], subject: string): readonly Finding[] =>
  findings.filter((finding) => finding.subject === subject);
export const bad = (findings: readonly Finding[]): readonly Finding[] =>
  findings.filter(({ verdict }) => verdict !== 'ok');
export const everything = async (rig: Rig): Promise<string> =>
  JSON.stringify([worldDump(rig), await rig.ledger.dump(), await rig.ledger.history({ limit: 1_000 })]);
