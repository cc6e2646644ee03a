import { z } from 'zod';
import { dueReason } from '../../../domain/due.ts';
import { everyCredential } from '../list.ts';
import { operation } from '../operation.ts';
import { count } from './shapes.ts';

/** Of everything together: no team, credential, target or consumer is named, so that the series stay few and tell nobody's business. */
export const metricsOperation = operation({
  name: 'metrics',
  summary: 'How many credentials there are and how they stand, as figures alone',
  effect: 'read',
  input: z.strictObject({}),
  answer: z.object({
    credentials: z.object({ managed: count, retiring: count, released: count }),
    rotating: count,
    due: count,
    failing: count.meta({ description: 'their last attempt failed' }),
    paused: count,
    frozen: count,
    debts: count.meta({ description: 'versions that are to die and are not proved dead' }),
    compromised: count.meta({ description: 'versions known to be compromised and not proved dead' }),
    onlyByHand: count,
    alarms: count,
    pages: count,
    incidents: count.meta({ description: 'open ones' }),
  }),
  reach: async () => ({ kind: 'installation' }),
  async run({ ports }) {
    const { ledger } = await ports();
    const found = {
      credentials: { managed: 0, retiring: 0, released: 0 },
      ...{ rotating: 0, due: 0, failing: 0, paused: 0, frozen: 0, debts: 0, compromised: 0, onlyByHand: 0 },
    };
    for await (const facts of everyCredential({ ledger })) {
      found.credentials[facts.status] += 1;
      found.rotating += Number(facts.openRun !== undefined);
      found.due += Number(facts.status === 'managed' && dueReason(facts) !== undefined);
      found.failing += Number(facts.due.failedAttempts > 0);
      found.paused += Number(facts.requests.some(({ kind }) => kind === 'pause'));
      found.frozen += Number(facts.requests.some(({ kind }) => kind === 'freeze'));
      const alive = facts.versions.filter(({ dead, fate }) => dead === undefined && fate !== 'released');
      found.debts += alive.filter(({ fate }) => fate === 'doomed').length;
      found.compromised += alive.filter(({ compromised }) => compromised).length;
      found.onlyByHand += alive.filter(({ onlyByHand }) => onlyByHand).length;
    }
    const alarms = await ledger.openAlarms();
    const open = await ledger.incidents({ open: true, limit: 500 });
    const pages = alarms.filter(({ page }) => page).length;
    return { ...found, alarms: alarms.length, pages, incidents: open.length };
  },
});
