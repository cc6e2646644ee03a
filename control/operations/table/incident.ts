import { z } from 'zod';
import { listIncidents } from '../incident-list.ts';
import { showIncident } from '../incident-show.ts';
import type { IncidentReport } from '../../../domain/incident-report.ts';
import { ledgerPatience } from '../emergency-known.ts';
import { closeIncident, takeOver } from '../incident-people.ts';
import { showIncidentReport } from '../incident-report.ts';
import { operation } from '../operation.ts';
import { within } from '../within.ts';
import { incidentLineShape, incidentViewShape } from './incident-shapes.ts';
import { incidentReach, scopesAnyhow, visibleIncidents } from './scopes.ts';
import { credentialId, incidentId, instant, list, opaque, texts, why } from './shapes.ts';

export const incidentListOperation = operation({
  name: 'incident-list',
  summary: 'Declared emergencies, newest first: those of which every credential may be seen',
  effect: 'read',
  input: z.strictObject({
    open: z.boolean().default(false).meta({ description: 'only those that are not closed' }),
    limit: z.number().int().min(1).max(200).default(20).meta({ description: 'how many' }),
  }),
  answer: z.object({ now: instant, incidents: list(incidentLineShape), troubles: texts }),
  reach: async () => ({ kind: 'what the caller sees' }),
  async run({ incidentPorts }, input, caller) {
    const ports = await incidentPorts();
    const found = await listIncidents(ports, input);
    return { ...found, incidents: await visibleIncidents(ports, found.incidents, caller) };
  },
});

export const incidentShowOperation = operation({
  name: 'incident-show',
  summary: 'One emergency: its clock, what is not through and why, what to do next',
  effect: 'read',
  input: z.strictObject({ incident: incidentId }),
  answer: incidentViewShape,
  reach: incidentReach,
  run: async ({ incidentPorts }, input) => showIncident(await incidentPorts(), input),
});

export const incidentTakeOverOperation = operation({
  name: 'incident-take-over',
  summary: 'End a stuck rotation and start it anew, carrying the emergency',
  effect: 'change',
  input: z.strictObject({ incident: incidentId, credential: credentialId }),
  answer: z.object({ incident: z.string(), credential: credentialId, trouble: z.string().nullable() }),
  async reach(ports, { incident, credential }) {
    const named = await incidentReach(ports, { incident });
    if (named.kind !== 'entries') return named;
    const scope = await scopesAnyhow(await ports.incidentPorts());
    return { kind: 'entries', entries: [...named.entries, await scope(credential)] };
  },
  async run({ incidentPorts }, asked, { actor }) {
    const { trouble } = await takeOver(await incidentPorts(), { ...asked, actor });
    return { ...asked, trouble: trouble ?? null };
  },
});

export const incidentCloseOperation = operation({
  name: 'incident-close',
  summary: 'Close an emergency; what is not dead stays a debt and is killed on',
  effect: 'change',
  input: z.strictObject({ incident: incidentId, why }),
  answer: z.object({ incident: z.string(), how: z.enum(['asked', 'closed']), trouble: z.string().nullable() }),
  reach: incidentReach,
  async run({ incidentPorts }, asked, { actor }) {
    const { how, trouble } = await closeIncident(await incidentPorts(), { ...asked, actor });
    return { incident: asked.incident, how, trouble: trouble ?? null };
  },
});

export const incidentReportOperation = operation({
  name: 'incident-report',
  summary: 'The report: timeline, evidence, intervals against target, scope, follow-ups',
  effect: 'read',
  input: z.strictObject({
    incident: incidentId,
    fresh: z.boolean().default(false).meta({ description: 'as it would be written now' }),
  }),
  answer: z.object({
    writtenAt: instant.nullable(),
    asWritten: z.boolean().nullable(),
    report: opaque<IncidentReport>(),
    markdown: z.string(),
  }),
  reach: incidentReach,
  async run({ incidentPorts }, input) {
    const ports = await incidentPorts();
    const ledger = await within('the ledger', ledgerPatience, ports.ledger());
    return showIncidentReport({ ledger, now: () => ports.now() }, input);
  },
});
