import type { IncidentEffectPorts } from './ports.ts';

export interface TendParts {
  readonly incident: string;
  readonly parts: readonly number[];
}

/** The same numbers as were asked for, without those that run. */
export interface TendedParts {
  /** Through, and done. */
  readonly ended: readonly number[];
  /** Were ended from outside before that, and are begun again. */
  readonly restarted: readonly number[];
  /** Temporal knows nothing of them any more. */
  readonly gone: readonly number[];
}

/** Begins again what was ended from outside and is not through. Needs Temporal alone. */
export async function tendParts(
  { parts: runs }: Pick<IncidentEffectPorts, 'parts'>,
  { incident, parts }: TendParts,
): Promise<TendedParts> {
  const found = await Promise.all(parts.map(async (part) => ({ part, is: await runs.tend(incident, part) })));
  const those = (is: string): readonly number[] => found.filter((one) => one.is === is).map(({ part }) => part);
  return { ended: those('ended'), restarted: those('restarted'), gone: those('gone') };
}
