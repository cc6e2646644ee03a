import { z } from 'zod';
import { advise } from '../advise.ts';
import { adviceCodes } from '../advise/advice.ts';
import type { AdviceCode } from '../advise/advice.ts';
import { operation } from '../operation.ts';
import { reachOf, scopesIn } from './scopes.ts';
import { count, credentialId, credentials, instant, list, name } from './shapes.ts';

// The keys of the table are its codes; `Object.keys` only forgets it.
const codes = Object.keys(adviceCodes) as AdviceCode[];

export const adviseOperation = operation({
  name: 'advise',
  summary: 'What could be safer, each with the fact that shows it and what cures it',
  effect: 'read',
  input: z.strictObject({
    credential: credentialId.optional().meta({ description: 'only what concerns this one' }),
    team: name.optional().meta({ description: 'only what concerns credentials of this team' }),
  }),
  answer: z.object({
    now: instant,
    credentials: count,
    advice: list(
      z.object({
        code: z.enum(codes),
        verdict: z.enum(['failure', 'cannot tell', 'warning']),
        subject: z.string(),
        credentials,
        fact: z.string(),
        why: z.string(),
        fix: z.string(),
      }),
    ),
  }),
  reach: async (ports, { credential }) =>
    credential === undefined ? { kind: 'what the caller sees' } : reachOf(ports, { credential }),
  async run({ ports }, { credential, team }, caller) {
    const open = await ports();
    const view = await advise(open, {
      ...(credential === undefined ? {} : { credential }),
      ...(team === undefined ? {} : { team }),
    });
    if (caller.sees({ environment: '', team: '', groups: [] })) return view;
    // What names a credential of others tells of them: only what is wholly the caller's is told.
    const scope = await scopesIn(open.ledger);
    const visible = await Promise.all(
      view.advice.map(async ({ credentials: named }) => {
        const scopes = await Promise.all(named.map(scope));
        return scopes.length > 0 && scopes.every((one) => caller.sees(one));
      }),
    );
    const advice = view.advice.filter((_, index) => visible[index]);
    return { ...view, credentials: new Set(advice.flatMap((one) => one.credentials)).size, advice };
  },
});
