import { workflowInfo, continueAsNew, setHandler } from '@temporalio/workflow';
import type { CredentialId, VersionId } from '../domain/identifiers.ts';
import { scattered } from '../domain/jitter.ts';
import type { Pace } from '../domain/rotation.ts';
import { effects } from './effects.ts';
import { openInbox } from './inbox.ts';
import { rotationStatus } from './messages.ts';
import { tellPeople } from './tell-people.ts';
import { StartOver, until, type Runner } from './until.ts';

export interface DebtInput {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly pace: Pace;
}

/**
 * An outstanding revocation that its rotation could not end: authorised already, so GATE is not asked again; tried for
 * ever, alarmed, never forgotten. In no plan until it ends.
 */
export async function settleDebt(input: DebtInput): Promise<void> {
  const inbox = openInbox([]);
  const startedAt = Date.now();
  let waitsFor: string | undefined;
  setHandler(rotationStatus, () => ({ step: 'revoking', since: startedAt, waitsFor, version: input.version }));
  const runner: Runner = {
    inbox,
    pace: input.pace,
    enter: (_step, reason) => {
      waitsFor = reason;
    },
    watched: () => undefined,
    renewIfOld: async () => {
      if (Date.now() - startedAt < input.pace.renewAfter && !workflowInfo().continueAsNewSuggested) return;
      await continueAsNew<typeof settleDebt>(input);
    },
    begun: () => true,
    urgent: () => true,
    restless: () => false,
    alarm: (_step, text) => tellPeople(effects, { credential: input.credential, key: `debt/${input.version}`, text }),
  };
  const about = {
    credential: input.credential,
    version: input.version,
    run: workflowInfo().firstExecutionRunId,
    compromised: [],
    watched: 0,
  };
  for (;;) {
    try {
      await until(runner, 'revoking', () => effects.revokeUntilDead(about));
      await until(runner, 'destroying', () => effects.destroyVersion(about));
      return;
    } catch (thrown) {
      // A twin that came late, or a copy that came back: it is owed again.
      if (!(thrown instanceof StartOver)) throw thrown;
      await inbox.pause(scattered(input.pace.retryTo, Math.random()));
    }
  }
}
