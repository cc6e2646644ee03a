import { z } from 'zod';
import { KeybatonError } from '../../../domain/errors.ts';
import type { ConsumerTokens } from '../../access/consumer-tokens.ts';
import type { CliPorts } from '../../cli/environment.ts';
import { makeConsumerToken, revokeConsumerToken, tokenLifetime } from '../consumer-token.ts';
import { operation } from '../operation.ts';
import { reachOf, scopesIn } from './scopes.ts';
import { count, credentialId, instant, list, name } from './shapes.ts';

function tokensOf({ tokens }: CliPorts): ConsumerTokens {
  if (tokens !== undefined) return tokens;
  throw new KeybatonError('UNSUPPORTED', 'consumer tokens are kept on the host of the HTTP API: type it there');
}

const recordShape = z.object({
  id: z.string(),
  credential: credentialId,
  consumer: z.string(),
  madeAt: instant,
  expiresAt: instant,
  madeBy: z.string(),
});

export const tokenMakeOperation = operation({
  name: 'token-make',
  summary: 'Make a token with which one consumer reads and proves one credential; it is shown once',
  effect: 'change',
  input: z.strictObject({
    credential: credentialId,
    consumer: name.meta({ description: 'as the inventory names it' }),
    lifetime: count
      .min(1_000)
      .max(tokenLifetime.longest)
      .optional()
      .meta({ description: 'milliseconds; 90 days unless said' }),
  }),
  answer: recordShape.extend({ token: z.string() }),
  reach: reachOf,
  async run({ ports }, { lifetime, ...asked }, { actor }) {
    const open = await ports();
    const { token, record } = await makeConsumerToken(open, tokensOf(open), {
      ...asked,
      actor,
      ...(lifetime === undefined ? {} : { lifetime }),
    });
    return { token, ...record };
  },
});

export const tokenListOperation = operation({
  name: 'token-list',
  summary: 'Consumer tokens, without their values',
  effect: 'read',
  input: z.strictObject({}),
  answer: z.object({ tokens: list(recordShape) }),
  reach: async () => ({ kind: 'what the caller sees' }),
  async run({ ports }, _input, caller) {
    const open = await ports();
    const scope = await scopesIn(open.ledger);
    const all = await tokensOf(open).list();
    const seen = await Promise.all(all.map(async ({ credential }) => caller.sees(await scope(credential))));
    return { tokens: all.filter((_, index) => seen[index]) };
  },
});

export const tokenRevokeOperation = operation({
  name: 'token-revoke',
  summary: 'End a consumer token at once',
  effect: 'change',
  input: z.strictObject({
    id: z.string().regex(/^[0-9a-f]{1,64}$/, 'must be the id of a token, as the list shows it'),
  }),
  answer: z.object({ id: z.string(), revoked: z.literal(true) }),
  async reach(ports, { id }) {
    const found = (await tokensOf(await ports.ports()).list()).find((one) => one.id === id);
    if (found === undefined) throw new KeybatonError('NOT_FOUND', 'there is no such token: see keybaton token list');
    return reachOf(ports, found);
  },
  async run({ ports }, { id }, { actor }) {
    const open = await ports();
    await revokeConsumerToken(open, tokensOf(open), { id, actor });
    return { id, revoked: true as const };
  },
});
