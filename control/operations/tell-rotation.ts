import { codeOf, KeybatonError } from '../../domain/errors.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import { defaultPace } from '../../domain/rotation.ts';
import type { Pace } from '../../domain/rotation.ts';
import type { RotationPorts } from './ports.ts';

/** How a running rotation heard of a request that the ledger already holds. */
export interface Told {
  /** `unreached`: the request stands in the ledger and is found by the next question; only time is lost. */
  readonly rotation: 'started' | 'running' | 'woken' | 'unreached';
  /** Why it was not reached; undefined otherwise. */
  readonly trouble: string | undefined;
}

/** Wakes whoever runs. The request is durable already, so an unreachable Temporal is told and does not fail. */
export async function wakeRotation({ rotations }: RotationPorts, credential: CredentialId): Promise<Told> {
  try {
    await rotations.wake(credential);
    return { rotation: 'woken', trouble: undefined };
  } catch (thrown) {
    return { rotation: 'unreached', trouble: messageOf(thrown) };
  }
}

export interface StartInput {
  readonly credential: CredentialId;
  readonly actor: string;
  readonly reason: string;
  readonly rehearse?: boolean;
  readonly pace?: Pace;
}

/**
 * Starts the rotation, or wakes the one that runs. Throws what Temporal answers, saying that the request is not lost:
 * asking again starts it, and writes no second request.
 */
export async function startRotation(ports: RotationPorts, input: StartInput): Promise<Told> {
  const { credential, actor, reason, rehearse = false, pace = defaultPace } = input;
  try {
    const answer = await ports.rotations.start({ credential, reason, actor, rehearse, pace });
    if (answer === 'running') await ports.rotations.wake(credential);
    return { rotation: answer, trouble: undefined };
  } catch (thrown) {
    if (rehearse) throw thrown;
    const text = `${messageOf(thrown)}; nothing is lost: the request is recorded, and the same command starts the rotation when Temporal answers`;
    throw new KeybatonError(codeOf(thrown), text, { cause: thrown });
  }
}

/** Only our own errors have a message that is fit to be shown. */
function messageOf(thrown: unknown): string {
  return thrown instanceof KeybatonError ? thrown.message : 'the rotation could not be reached';
}
