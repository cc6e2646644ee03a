import { z } from 'zod';
import { codeOf, KeybatonError } from '../../../domain/errors.ts';
import { pullSwitch, switchBlast } from '../kill-switch.ts';
import { operation } from '../operation.ts';
import type { Caller, Reach } from '../operation.ts';
import { byHandBundle, showByHand } from '../kill-by-hand.ts';
import { shellWord } from '../shell-word.ts';
import { scopesAnyhow } from './scopes.ts';
import { count, credentialId, instant, list, name, texts, versionId, why } from './shapes.ts';

const installation = async (): Promise<Reach> => ({ kind: 'installation' });
const switchShape = z.object({ name: z.string(), kills: z.string(), undo: z.string().nullable() });
const blastShape = switchShape.extend({
  target: z.string(),
  pulled: z.boolean(),
  keys: list(z.object({ id: z.string(), hint: z.string().nullable(), version: z.string().nullable() })),
  credentials: texts.nullable(),
  consumers: texts.nullable(),
});
const named = { target: name, switch: name } as const;

export const switchListOperation = operation({
  name: 'kill-switch-list',
  summary: 'The kill switches of one target: what each ends, and what takes it back',
  effect: 'read',
  input: z.strictObject({ target: name }),
  answer: z.object({ target: z.string(), switches: list(switchShape) }),
  reach: installation,
  async run({ incidentPorts }, { target }) {
    const { killSwitches } = await incidentPorts();
    return { target, switches: await killSwitches.of(target) };
  },
});

export const switchLookOperation = operation({
  name: 'kill-switch-look',
  summary: 'What a kill switch would end now; asks the provider, with its admin credential',
  effect: 'read',
  input: z.strictObject(named),
  answer: z.object({ blast: blastShape }),
  reach: installation,
  run: async ({ incidentPorts }, { target, switch: which }, caller) => ({
    blast: await orThere(caller, [target, which, '--dry-run'], switchBlast(await incidentPorts(), target, which)),
  }),
});

export const switchPullOperation = operation({
  name: 'kill-switch-pull',
  summary: 'End every key that a switch of one target reaches, ours or not',
  effect: 'start',
  input: z.strictObject({ ...named, count: count.min(0).meta({ description: 'how many keys it ends' }), why }),
  answer: z.object({ blast: blastShape, troubles: texts }),
  reach: installation,
  run: async ({ incidentPorts }, { target, switch: which, count: typed, why: reason }, caller) =>
    orThere(
      caller,
      [target, which, '--count', String(typed), '--reason', reason],
      pullSwitch(await incidentPorts(), { target, name: which, count: typed, who: caller.actor, why: reason }),
    ),
});

/** What a process without a credential of the provider cannot do, as the whole line to type where it can be done. */
async function orThere<Answer>(
  { principal }: Caller,
  words: readonly string[],
  asked: Promise<Answer>,
): Promise<Answer> {
  return asked.catch((thrown: unknown) => {
    // Whoever signed in asks an API; on the machine itself it is the provider that cannot.
    if (codeOf(thrown) !== 'UNSUPPORTED' || principal === undefined) throw thrown;
    const line = ['keybaton', 'kill-switch', ...words].map(shellWord).join(' ');
    const text = `the API holds no admin credential to pull a switch with: on the host of a worker type: ${line}`;
    throw new KeybatonError('UNSUPPORTED', text, { cause: thrown });
  });
}

const byHandFields = {
  credential: credentialId,
  keys: list(z.object({ version: versionId, target: z.string(), fate: z.string(), text: texts })),
} as const;

export const byHandOperation = operation({
  name: 'show-by-hand',
  summary: 'How to kill the keys of one credential with no keybaton at all',
  effect: 'read',
  input: z.strictObject({ credential: credentialId }),
  answer: z.object({ ...byHandFields, source: z.enum(['ledger', 'kill sheet']), troubles: texts }),
  async reach({ incidentPorts }, { credential }) {
    const scope = await scopesAnyhow(await incidentPorts());
    return { kind: 'entries', entries: [await scope(credential)] };
  },
  run: async ({ incidentPorts }, input) => showByHand(await incidentPorts(), input),
});

export const bundleOperation = operation({
  name: 'kill-sheet-bundle',
  summary: 'How to kill every key with no keybaton at all: console address, key id and exact command; no secret',
  effect: 'read',
  input: z.strictObject({}),
  answer: z.object({ installation: z.string(), n: count, at: instant, credentials: list(z.object(byHandFields)) }),
  reach: installation,
  run: async ({ incidentPorts }) => byHandBundle(await incidentPorts()),
});
