import { errorTable } from '../../../domain/errors.ts';
import { killed, watchIncident } from '../../operations/incident-watch.ts';
import type { IncidentView } from '../../operations/incident-show.ts';
import type { EmergencyScope } from '../../operations/emergency-scope.ts';
import {
  emergencyDryRunOperation,
  emergencyLeakedOperation,
  emergencyOperation,
  whoseOperation,
} from '../../operations/table/emergency.ts';
import { incidentShowOperation } from '../../operations/table/incident.ts';
import { blastText, foundText } from '../blast-text.ts';
import type { CommandContext, Given } from '../command.ts';
import { liveIncident } from '../incident-view.ts';
import { readSecretFields } from '../read-material.ts';
import { count, printable } from '../text.ts';
import { askCount } from './emergency.ts';

/** The same emergency through the API: its workers kill, and this only asks, counts and watches. */
export async function emergencyFromAfar(
  context: CommandContext,
  given: Given,
  { why, leaked, scope }: { readonly why: string; readonly leaked: boolean; readonly scope: EmergencyScope },
): Promise<number> {
  const { output, call, signal } = context;
  const value = leaked ? await pasted(context) : undefined;
  const asked = { ...scope, credentials: [...scope.credentials] };
  const { blast } =
    value === undefined ? await call(emergencyDryRunOperation, asked) : await call(whoseOperation, { value });
  const none = { incident: null, declaredAt: null, how: null, byValue: null, imported: [], state: null };
  if (given.flag('dryRun')) {
    output.answer({ kind: 'dry run', ...none, troubles: blast.troubles, blast }, () => blastText(blast, output.width));
    return 0;
  }
  output.note(foundText(blast));
  const typed = given.number('count') ?? (blast.mustCount ? await askCount(context, blast) : undefined);
  const counted = typed === undefined ? {} : { count: typed };
  const declared =
    value === undefined
      ? await call(emergencyOperation, { ...asked, why, ...counted })
      : await call(emergencyLeakedOperation, { value, why, ...counted });
  const { incident } = declared;
  declared.troubles.forEach((one) => output.note(`  ${printable(one)}`));
  let state: IncidentView | null = null;
  if (incident !== null && given.flag('wait')) {
    output.note(`incident ${incident} is declared; the workers kill`);
    const live = liveIncident(context.environment.stdout, output, false);
    try {
      const look = () => call(incidentShowOperation, { incident });
      for await (const view of watchIncident({ look, every: 1_000, signal, enough: killed })) {
        state = view;
        live.show(view);
      }
    } finally {
      live.close();
    }
  }
  const keys = blast.keys.length;
  const left = state === null ? keys : keys - state.counts.dead;
  output.answer({ ...declared, state }, () =>
    incident === null
      ? 'proved dead already: nothing is to be killed, and no incident was declared'
      : [
          left === 0
            ? `incident ${incident}: every key is proved dead`
            : `incident ${incident}: ${count(left, 'key')} of ${keys} NOT proved dead yet`,
          `next: keybaton incident watch ${incident}`,
        ].join('\n'),
  );
  if (signal.aborted) return 130;
  return incident === null || left === 0 || !given.flag('wait') ? 0 : errorTable.UNAVAILABLE.exit;
}

async function pasted(context: CommandContext): Promise<string> {
  return (await readSecretFields(context, { fields: ['leaked value'] }))['leaked value'] ?? '';
}
