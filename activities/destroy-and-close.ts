import { isKeybatonError } from '../domain/errors.ts';
import { done, type Answer, type EffectInput, type Planned } from '../domain/rotation.ts';
import { destroyVersion } from './destroy-version.ts';
import { planRotation, type PlanRotationInput } from './plan-rotation.ts';
import type { ActivityPorts } from './ports.ts';

export interface DestroyInput extends EffectInput {
  /** Nothing is left to do after it, as far as the run knows: it is asked at once whether that is so, and closed. */
  readonly closing?: PlanRotationInput;
}

/**
 * Erases a version and, where it is the run's last, closes the run: one activity for what nothing can come between.
 * Idempotent, as both are. Where more is to be done, or planning meets trouble, the run plans in a step of its own,
 * which tells people what it waits for.
 */
export async function destroyAndClose(
  ports: ActivityPorts,
  { closing, ...input }: DestroyInput,
  signal: AbortSignal,
): Promise<Answer<Planned | null>> {
  const destroyed = await destroyVersion(ports, input, signal);
  if (destroyed.kind !== 'done' || closing === undefined) return destroyed;
  const planned = await planRotation(ports, closing, signal).catch((thrown: unknown) => {
    // Planned again a moment later, where the same trouble is met under its own name.
    if (isKeybatonError(thrown)) return undefined;
    throw thrown;
  });
  const ended = planned?.kind === 'done' && planned.result.kind === 'ended';
  return done(ended ? planned.result : null);
}
