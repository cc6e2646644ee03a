import { errorTable, KeybatonError } from '../../../domain/errors.ts';
import type { Drilled, DrillInput } from '../../operations/drill.ts';
import { pause } from '../../operations/pause-for.ts';
import { drillListOperation } from '../../operations/table/drill-list.ts';
import { drillOperation } from '../../operations/table/drill.ts';
import type { CommandContext } from '../command.ts';

/** Longer than any drill: its clock is 15 minutes. */
const longest = 20 * 60_000;

/** The same drill by a worker, asked for through the API, until its result is in the ledger. */
export async function drillFromAfar(
  { call, output, signal }: CommandContext,
  of: DrillInput['of'],
  every = 1_000,
): Promise<Drilled> {
  const before = await lastDrills(call);
  const { credential, target } = await call(drillOperation, of);
  output.note(`a worker drills ${credential} of target ${target}; what it finds stays, whoever waits for it`);
  const until = Date.now() + longest;
  while (!signal.aborted && Date.now() < until) {
    const found = (await lastDrills(call)).get(credential);
    if (found !== undefined && found.incident !== before.get(credential)?.incident) {
      const { at, version, incident, measures } = found;
      const after = (time: number | null): number | null => (time === null ? null : at + time);
      return {
        ...{ credential, target, version, incident, how: 'temporal', declaredAt: at },
        containedAt: after(measures.toContained),
        deadAt: after(measures.toDead),
        // The list keeps what was measured as it was measured.
        measures: measures as unknown as Drilled['measures'],
        troubles: [],
      };
    }
    await pause(every, signal);
  }
  throw new KeybatonError(
    'UNAVAILABLE',
    `the drill of ${credential} has no result yet, and goes on: see keybaton history ${credential} and keybaton incident list`,
  );
}

export const verdictExit = ({ measures }: Drilled): number =>
  measures.verdict === 'passed' ? 0 : errorTable.VERIFICATION_FAILED.exit;

async function lastDrills(call: CommandContext['call']) {
  const { drills } = await call(drillListOperation, {});
  return new Map(drills.flatMap(({ credential, last }) => (last === null ? [] : [[credential, last] as const])));
}
