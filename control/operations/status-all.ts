import { KeybatonError } from '../../domain/errors.ts';
import { list } from './list.ts';
import type { RotationPorts } from './ports.ts';
import { status } from './status.ts';
import type { StatusView } from './status.ts';
import type { CredentialSummary } from './summary.ts';

/**
 * The status of everything that rotates, is due or needs somebody. When Temporal does not answer for one, the others
 * are not asked of it any more: each would wait as long.
 */
export async function statusAll(
  ports: RotationPorts,
): Promise<{ readonly total: number; readonly credentials: readonly StatusView[] }> {
  const { credentials } = await list(ports, {});
  const views: StatusView[] = [];
  let asking = ports;
  for (const { id } of credentials.filter(needsAttention)) {
    const view = await status(asking, { credential: id });
    if (view.trouble !== null) asking = silent(ports, view.trouble);
    views.push(view);
  }
  return { total: credentials.length, credentials: views };
}

function needsAttention(one: CredentialSummary): boolean {
  const { rotating, paused, frozen, debts, compromised, onlyByHand, alarms, due } = one;
  const marks = debts.length + compromised.length + onlyByHand.length + alarms.length;
  return (
    rotating || paused || frozen || marks > 0 || due.why !== null || due.failedAttempts > 0 || one.status === 'retiring'
  );
}

function silent({ ledger, rotations }: RotationPorts, trouble: string): RotationPorts {
  return {
    ledger,
    rotations: { ...rotations, status: () => Promise.reject(new KeybatonError('UNAVAILABLE', trouble)) },
  };
}
