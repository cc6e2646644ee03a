import { KeybatonError } from '../../domain/errors.ts';
import type { ScheduleStanding, Sweeping } from '../sweep-ports.ts';
import { list } from './list.ts';
import type { ListInput } from './list.ts';
import type { StandingPorts } from './backend-standing.ts';
import type { RotationPorts } from './ports.ts';
import { status } from './status.ts';
import { within } from './within.ts';
import type { StatusView } from './status.ts';
import type { CredentialSummary } from './summary.ts';

/** Milliseconds that the Schedule may keep the rest waiting. */
const patience = 3_000;

export interface StatusOfAll {
  readonly total: number;
  readonly credentials: readonly StatusView[];
  /** How what starts by itself stands; `null`: Temporal does not say, or cannot be asked from here. */
  readonly schedule: ScheduleStanding | null;
}

/**
 * The status of everything that rotates, is due or needs somebody. When Temporal does not answer for one, the others
 * are not asked of it any more: each would wait as long.
 */
export async function statusAll(
  ports: RotationPorts & StandingPorts & { readonly sweeping?: Pick<Sweeping, 'schedule'> },
  input: Pick<ListInput, 'sees'> = {},
): Promise<StatusOfAll> {
  const schedule = ports.sweeping && within('Temporal', patience, ports.sweeping.schedule()).catch(() => null);
  const { credentials } = await list(ports, input);
  const views: StatusView[] = [];
  let asking: typeof ports = ports;
  for (const { id } of credentials.filter(needsAttention)) {
    const view = await status(asking, { credential: id });
    if (view.trouble !== null) asking = silent(ports, view.trouble);
    views.push(view);
  }
  return { total: credentials.length, credentials: views, schedule: (await schedule) ?? null };
}

function needsAttention(one: CredentialSummary): boolean {
  const { rotating, paused, frozen, debts, compromised, onlyByHand, alarms, due } = one;
  const marks = debts.length + compromised.length + onlyByHand.length + alarms.length;
  return (
    rotating || paused || frozen || marks > 0 || due.why !== null || due.failedAttempts > 0 || one.status === 'retiring'
  );
}

function silent<Ports extends RotationPorts>(ports: Ports, trouble: string): Ports {
  return {
    ...ports,
    rotations: { ...ports.rotations, status: () => Promise.reject(new KeybatonError('UNAVAILABLE', trouble)) },
  };
}
