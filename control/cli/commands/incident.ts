import { parseCredentialId } from '../../../domain/identifiers.ts';
import { parseIncidentId } from '../../operations/incident-id.ts';
import type { IncidentLine } from '../../operations/incident-list.ts';
import { importJournals } from '../../operations/incident-people.ts';
import { closed, watchIncident } from '../../operations/incident-watch.ts';
import {
  incidentCloseOperation,
  incidentListOperation,
  incidentShowOperation,
  incidentTakeOverOperation,
} from '../../operations/table/incident.ts';
import type { Command } from '../command.ts';
import { incidentText, liveIncident } from '../incident-view.ts';
import { count, moment, printable, table } from '../text.ts';

const one = { name: 'incident', about: 'its name, as `keybaton incident list` shows it' };
const example = 'i20260131-4f9k2m7c';
/** Milliseconds between questions. */
const every = 1_000;

export const incidentListCommand: Command = {
  name: 'incident list',
  summary: 'Show declared emergencies, newest first',
  options: [
    { flags: '--open', about: 'only those that are not closed' },
    { flags: '--limit <number>', about: 'how many', default: '20' },
  ],
  answers: ['now', 'incidents', 'troubles'],
  examples: [{ line: 'keybaton incident list --open', about: 'what is burning' }],
  async run({ output, call }, given) {
    const found = await call(incidentListOperation, {
      open: given.flag('open'),
      limit: Math.min(200, Math.max(1, given.number('limit') ?? 20)),
    });
    output.answer(found, () => listText(found.incidents, output.width));
    found.troubles.forEach((trouble) => output.note(`did not answer: ${printable(trouble)}`));
    return 0;
  },
};

function listText(incidents: readonly IncidentLine[], width: number): string {
  if (incidents.length === 0) return 'no incident';
  const rows = incidents.map((line) => [
    line.incident,
    moment(line.declaredAt),
    line.closedAt === null ? (line.unimported ? 'not imported' : 'OPEN') : 'closed',
    `${line.dead}/${line.keys}`,
    `${line.scope}${line.drill ? ' (drill)' : ''}: ${line.why}`,
  ]);
  return table(['INCIDENT', 'DECLARED (UTC)', 'STATE', 'DEAD', 'WHAT'], rows, width);
}

export const incidentShowCommand: Command = {
  name: 'incident show',
  summary: 'Show one emergency: its clock, what is not through and why, what to do next',
  about:
    'Put together from the running workflow, the ledger and what this machine killed alone; each may be down, and it says which.',
  arguments: [one],
  answers: [
    'now',
    'incident',
    'declaredAt',
    'who',
    'why',
    'scope',
    'drill',
    'keys',
    'counts',
    'clock',
    'open',
    'more',
    'running',
    'closedAt',
    'closedBy',
    'unimported',
    'troubles',
    'next',
  ],
  examples: [
    { line: `keybaton incident show ${example}`, about: 'once' },
    { line: `keybaton incident show ${example} --json`, about: 'for a program' },
  ],
  async run({ output, call }, given) {
    const view = await call(incidentShowOperation, { incident: parseIncidentId(given.argument(0)) });
    output.answer(view, () => incidentText(view, output.width));
    return 0;
  },
};

export const incidentWatchCommand: Command = {
  name: 'incident watch',
  summary: 'Show one emergency as it goes on, until it is closed',
  about: 'Ctrl-C stops watching, never the emergency. With --json one object per line, at every change.',
  arguments: [one],
  answers: incidentShowCommand.answers,
  examples: [{ line: `keybaton incident watch ${example}`, about: 'with its clock and countdowns' }],
  async run({ output, environment, call, signal }, given) {
    const incident = parseIncidentId(given.argument(0));
    const live = liveIncident(environment.stdout, output, true);
    try {
      const look = () => call(incidentShowOperation, { incident });
      for await (const view of watchIncident({ look, every, signal, enough: closed })) live.show(view);
    } finally {
      live.close();
    }
    if (!signal.aborted) return 0;
    output.note(`stopped watching; incident ${incident} goes on`);
    return 130;
  },
};

export const incidentTakeOverCommand: Command = {
  name: 'incident take-over',
  summary: 'End a stuck rotation and start it anew, carrying the emergency',
  about: 'Costs time, never a key: the new run plans from what is known and goes on killing.',
  arguments: [one, { name: 'credential', about: 'provider/environment/application' }],
  answers: ['incident', 'credential', 'trouble'],
  examples: [
    { line: `keybaton incident take-over ${example} openai/prod/support-bot`, about: 'when its replacement is late' },
  ],
  async run({ output, call }, given) {
    const incident = parseIncidentId(given.argument(0));
    const credential = parseCredentialId(given.argument(1));
    const { trouble } = await call(incidentTakeOverOperation, { incident, credential });
    output.answer({ incident, credential, trouble }, () =>
      [`${credential}: its rotation starts anew`, `next: keybaton status ${credential}`].join('\n'),
    );
    if (trouble !== null) output.note(`the ledger has not heard of it: ${printable(trouble)}`);
    return 0;
  },
};

export const incidentCloseCommand: Command = {
  name: 'incident close',
  summary: 'Close an emergency; what is not dead stays a debt and is killed on',
  arguments: [one],
  options: [{ flags: '--why <reason>', about: 'for the ledger' }],
  answers: ['incident', 'how', 'trouble'],
  examples: [
    { line: `keybaton incident close ${example} --why "all dead, all replaced"`, about: 'closes only this one' },
  ],
  async run({ output, call }, given) {
    const incident = parseIncidentId(given.argument(0));
    const why = given.required('why', 'say why it may be closed');
    const done = await call(incidentCloseOperation, { incident, why });
    output.answer(done, () =>
      done.how === 'asked'
        ? `incident ${incident} was asked to close\nnext: keybaton incident show ${incident}`
        : `incident ${incident} is closed`,
    );
    if (done.trouble !== null) output.note(`the ledger has not heard why: ${printable(done.trouble)}`);
    return 0;
  },
};

export const incidentImportCommand: Command = {
  name: 'incident import',
  summary: 'Bring what this machine killed alone into the ledger',
  about: 'Workers do it by themselves when they start. Again changes nothing.',
  answers: ['imported'],
  examples: [{ line: 'keybaton incident import', about: 'after the ledger is back' }],
  async run({ output, incidentPorts }) {
    const done = await importJournals(await incidentPorts());
    output.answer(done, () =>
      done.imported.length === 0
        ? 'nothing to import: the ledger has every journal of this machine'
        : [`${count(done.imported.length, 'incident')} imported:`, ...done.imported.map((name) => `  ${name}`)].join(
            '\n',
          ),
    );
    return 0;
  },
};
