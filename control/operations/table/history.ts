import { z } from 'zod';
import { history } from '../history.ts';
import { operation } from '../operation.ts';
import { reachOf, scopesIn } from './scopes.ts';
import { count, credentialId, eventShape, list } from './shapes.ts';

export const historyOperation = operation({
  name: 'history',
  summary: 'Who did what, and when: events of the ledger, oldest first; without `afterN` the newest',
  effect: 'read',
  input: z.strictObject({
    credential: credentialId.optional().meta({ description: 'only of this one' }),
    afterN: count.min(0).optional().meta({ description: 'only events after this number' }),
    limit: z.number().int().min(1).max(500).default(50).meta({ description: 'how many are looked at' }),
  }),
  answer: z.object({
    events: list(eventShape),
    next: count.nullable().meta({ description: '`afterN` of the next page; `null`: there is none now' }),
  }),
  reach: async (ports, { credential }) =>
    credential === undefined ? { kind: 'what the caller sees' } : reachOf(ports, { credential }),
  async run({ ports }, { credential, afterN, limit }, caller) {
    const { ledger } = await ports();
    const page = await history(
      { ledger },
      { limit, ...(credential === undefined ? {} : { credential }), ...(afterN === undefined ? {} : { afterN }) },
    );
    const last = page.at(-1)?.n;
    const next = last !== undefined && page.length === limit && afterN !== undefined ? last : null;
    // An event that names no credential is of the installation.
    const all = caller.sees({ environment: '', team: '', groups: [] });
    if (credential !== undefined || all) return { events: page, next };
    const scope = await scopesIn(ledger);
    const seen = await Promise.all(
      page.map(async (event) => event.credential !== undefined && caller.sees(await scope(event.credential))),
    );
    return { events: page.filter((_, index) => seen[index]), next };
  },
});
