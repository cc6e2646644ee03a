import { z } from 'zod';
import { whyNoDrill } from '../../../domain/drill.ts';
import { KeybatonError } from '../../../domain/errors.ts';
import { chooseDrilled } from '../drill-choice.ts';
import { operation } from '../operation.ts';
import { shellWord } from '../shell-word.ts';
import { reachOf } from './scopes.ts';
import { credentialId, name } from './shapes.ts';

/** Milliseconds in which a worker says that there is no room, or nothing to mint; a drill itself takes longer. */
const patience = 8_000;

/** The key is minted, and the thief started, by a worker: here nobody holds a credential of a provider. */
export const drillOperation = operation({
  name: 'drill',
  summary:
    'Have a worker mint a key that production never sees, have it stolen, and kill it as an emergency does; its result is in the list of drills',
  effect: 'start',
  input: z.strictObject({
    credential: credentialId.optional(),
    target: name.optional().meta({ description: 'any credential of it that is at rest' }),
  }),
  answer: z.object({
    credential: credentialId,
    target: z.string(),
    state: z.enum(['running', 'drilled']),
    incident: z.string().nullable().meta({ description: '`null`: it runs, see the list of drills and of incidents' }),
    verdict: z.enum(['passed', 'failed']).nullable(),
  }),
  reach: async (ports, { credential }) =>
    credential === undefined ? { kind: 'installation' } : reachOf(ports, { credential }),
  async run({ ports }, { credential, target }, { actor }) {
    if ((credential === undefined) === (target === undefined))
      throw new KeybatonError('INVALID_CONFIG', 'name one credential, or a target');
    const { ledger, drillsByWorkers } = await ports();
    if (drillsByWorkers === undefined) {
      const what = credential ?? `--target ${shellWord(target ?? '')}`;
      const text = `no worker can be asked from here: on the host of a worker type: keybaton drill ${what}`;
      throw new KeybatonError('UNSUPPORTED', text);
    }
    const facts = await ledger.facts(credential ?? (await chooseDrilled(ledger, target ?? '')));
    const refused = whyNoDrill(facts);
    if (refused !== undefined) throw new KeybatonError('CONFLICT', refused);
    const ended = await drillsByWorkers.run({ credential: facts.id, actor }, patience);
    const begun = { credential: facts.id, target: facts.entry.target };
    if (ended.kind === 'running') return { ...begun, state: 'running' as const, incident: null, verdict: null };
    return { ...begun, state: 'drilled' as const, incident: ended.incident, verdict: ended.verdict };
  },
});
