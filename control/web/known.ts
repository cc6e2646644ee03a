import { z } from 'zod';
import { isCredentialId } from '../../domain/identifiers.ts';
import { KeybatonError } from '../../domain/errors.ts';
import { operation } from '../operations/operation.ts';
import { within } from '../operations/within.ts';

/** Milliseconds for all questions to running rotations together. */
const patience = 2_000;
const mostAsked = 25;

const knownShape = z.object({
  id: z.string(),
  environment: z.string(),
  team: z.string(),
  target: z.string(),
  status: z.string(),
  consumers: z.array(z.string()).nullable(),
  policy: z.string(),
  versions: z.array(
    z.object({
      id: z.string(),
      fate: z.string(),
      compromised: z.boolean(),
      onlyByHand: z.boolean(),
      refs: z.array(z.string()),
    }),
  ),
  /** Where its rotation stands, as the worker says; `null`: none runs, or nobody says. */
  step: z.string().nullable(),
});

/** `list` without the ledger: the same right, the same view of teams, from the kill sheet and the workers. */
export const knownOperation = operation({
  name: 'list',
  summary: 'Every credential of the kill sheet, while the ledger does not answer',
  effect: 'read',
  input: z.strictObject({ credential: z.string().optional() }),
  answer: z.object({ at: z.number(), credentials: z.array(knownShape) }),
  reach: async () => ({ kind: 'what the caller sees' }),
  async run({ ports, incidentPorts }, { credential }, caller) {
    const { sheet, trouble } = await (await incidentPorts()).known.killSheet();
    if (sheet === undefined)
      throw new KeybatonError(
        'UNAVAILABLE',
        `the ledger does not answer, and there is no kill sheet: ${trouble ?? 'none was written yet'}`,
      );
    const environmentOf = (id: string): string => id.split('/')[1] ?? '';
    const mine = sheet.credentials.filter(
      ({ credential: id, team, groups }) =>
        (credential === undefined || id === credential) &&
        caller.sees({ environment: environmentOf(id), team, groups }),
    );
    const steps = await stepsOf(ports, mine.map((one) => one.credential).slice(0, mostAsked));
    return {
      at: sheet.at,
      credentials: mine.map((one) => ({
        id: one.credential,
        environment: environmentOf(one.credential),
        team: one.team,
        target: one.target,
        status: one.status,
        consumers: one.consumers === undefined ? null : [...one.consumers],
        policy: one.emergency.policy,
        versions: one.versions.map(({ version, fate, compromised, onlyByHand, refs }) => ({
          id: version,
          fate,
          compromised,
          onlyByHand,
          refs: refs.map(({ id }) => id),
        })),
        step: steps.get(one.credential) ?? null,
      })),
    };
  },
});

async function stepsOf(
  ports: Parameters<(typeof knownOperation)['run']>[0]['ports'],
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const steps = new Map<string, string>();
  const all = async (): Promise<void> => {
    const { rotations } = await ports();
    await Promise.all(
      ids.filter(isCredentialId).map(async (id) => {
        const run = await rotations.status(id);
        if (run !== undefined) steps.set(id, run.step);
      }),
    );
  };
  try {
    await within('the workers', patience, all());
  } catch {
    // A page without steps is still a page; that the ledger is silent stands on it already.
  }
  return steps;
}
