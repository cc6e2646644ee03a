import { z } from 'zod';
import { list as listCredentials } from '../list.ts';
import { operation } from '../operation.ts';
import { backendViewShape, summaryShape } from './credential-shapes.ts';
import { scopeOf, visibleIncidents } from './scopes.ts';
import { count, credentialId, instant, list, name } from './shapes.ts';

export const listOperation = operation({
  name: 'list',
  summary: 'Every credential with its age, due date and what it needs, page by page in the order of ids',
  effect: 'read',
  input: z.strictObject({
    team: name.optional().meta({ description: 'only of this team' }),
    environment: name.optional().meta({ description: 'only of this environment' }),
    target: name.optional().meta({ description: 'only at this target' }),
    group: name.optional().meta({ description: 'only with this mark' }),
    needing: z.boolean().optional().meta({ description: 'only those that need somebody' }),
    after: credentialId.optional().meta({ description: '`next` of the page before' }),
    limit: z.number().int().min(1).max(500).default(100).meta({ description: 'how many' }),
  }),
  answer: z.object({
    now: instant,
    credentials: list(summaryShape.extend({ backends: list(backendViewShape) })),
    incidents: list(z.object({ incident: z.string(), scope: z.string(), keys: count, dead: count })),
    next: credentialId.nullable().meta({ description: '`null`: this was the last page' }),
  }),
  reach: async () => ({ kind: 'what the caller sees' }),
  async run({ ports, incidentPorts }, { team, environment, target, group, needing, after, limit }, caller) {
    const { more, ...found } = await listCredentials(await ports(), {
      ...(team === undefined ? {} : { team }),
      ...(environment === undefined ? {} : { environment }),
      ...(target === undefined ? {} : { target }),
      ...(group === undefined ? {} : { group }),
      ...(needing === undefined ? {} : { needing }),
      ...(after === undefined ? {} : { after }),
      limit,
      sees: (entry) => caller.sees(scopeOf(entry)),
    });
    const incidents =
      found.incidents.length === 0 ? [] : await visibleIncidents(await incidentPorts(), found.incidents, caller);
    return { ...found, incidents, next: more ?? null };
  },
});
