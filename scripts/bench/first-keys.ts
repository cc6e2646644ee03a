import { randomBytes } from 'node:crypto';
import { createActivities } from '../../activities/activities.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { Answer } from '../../domain/rotation.ts';
import { openLedger } from '../../ledger/open.ts';
import { backendRegistry } from '../../backends/registry.ts';
import { providers } from '../../providers/registry.ts';
import { activityPorts } from '../../worker/activity-ports.ts';
import { readInstallationKey } from '../../worker/installation-key.ts';
import type { Stage } from './stage.ts';

/** Credentials whose first version is made side by side. */
const side = 16;

/**
 * Makes the first version of each credential by the effects of a rotation, called in their order without Temporal: a
 * crowd of keys to begin with, in a fifth of the time. The ledger must be nobody else's meanwhile.
 */
export async function makeFirstKeys(stage: Stage, credentials: readonly CredentialId[]): Promise<void> {
  const environment = { ...process.env, ...stage.environment };
  const key = await readInstallationKey({ home: stage.home, environment, create: true });
  const ledger = await openLedger({ url: stage.ledgerUrl });
  const nothing = async (): Promise<void> => undefined;
  const effects = createActivities(
    activityPorts({
      ...{ ledger, key, environment },
      adapters: { providers, backends: backendRegistry },
      // Nothing of a first version waits, is owed or is watched.
      workflows: { watchTarget: nothing, settleDebt: nothing, wakeRotation: nothing },
    }),
    () => new AbortController().signal,
  );
  async function make(credential: CredentialId): Promise<void> {
    const run = `bench/${randomBytes(8).toString('hex')}`;
    const compromised: readonly VersionId[] = [];
    const asked = { ...{ credential, run, reason: 'measured', actor: 'bench' }, rehearse: false, compromised };
    const planned = answered(await effects.planRotation(asked));
    if (planned.kind !== 'work' || planned.plan.wanted === undefined)
      throw new KeybatonError('CONFLICT', `nothing is planned for ${credential}`);
    const { plan } = planned;
    const about = { ...{ credential, run, compromised }, version: planned.plan.wanted, watched: 0 };
    answered(await effects.issueAndStage(about));
    answered(await effects.verifyVersion(about));
    answered(await effects.promoteAndNotify({ ...about, why: plan.why, expectedEpoch: plan.expectedEpoch }));
    answered(await effects.planRotation(asked));
  }
  try {
    const waiting = credentials.values();
    const lane = async (): Promise<void> => {
      for (const credential of waiting) await make(credential);
    };
    await Promise.all(Array.from({ length: side }, lane));
  } finally {
    await ledger.close();
  }
}

function answered<Result>(answer: Answer<Result>): Result {
  if (answer.kind === 'done') return answer.result;
  throw new KeybatonError('CONFLICT', `a first version was not made: ${answer.reason}`);
}
