import type { CredentialId } from '../../domain/identifiers.ts';
import { KeybatonError } from '../../domain/errors.ts';
import type { ConsumerTokens, TokenRecord } from '../access/consumer-tokens.ts';
import type { ControlPorts } from '../ports.ts';

export const tokenLifetime = { default: 90 * 86_400_000, longest: 400 * 86_400_000 } as const;

export interface MakeConsumerToken {
  readonly credential: CredentialId;
  readonly consumer: string;
  readonly actor: string;
  /** Milliseconds; 90 days by default, at most 400. */
  readonly lifetime?: number;
}

/**
 * A token for one consumer of one credential: shown once, kept only as a hash. Each call makes another one, so that a
 * token can be replaced before the old one is revoked. NOT_FOUND when the inventory names no such consumer.
 */
export async function makeConsumerToken(
  ports: Pick<ControlPorts, 'ledger' | 'now' | 'random'>,
  tokens: ConsumerTokens,
  input: MakeConsumerToken,
): Promise<{ readonly token: string; readonly record: TokenRecord }> {
  const { credential, consumer, actor, lifetime = tokenLifetime.default } = input;
  if (!Number.isSafeInteger(lifetime) || lifetime < 1 || lifetime > tokenLifetime.longest) {
    throw new KeybatonError('INVALID_CONFIG', 'a consumer token lives at least 1 ms and at most 400 days');
  }
  const { entry } = await ports.ledger.facts(credential);
  const declared = 'none' in entry.consumers ? [] : entry.consumers.map(({ name }) => name);
  if (!declared.includes(consumer)) {
    throw new KeybatonError(
      'NOT_FOUND',
      `${credential} has no consumer ${JSON.stringify(consumer.slice(0, 80))}: add it to the inventory and apply it first`,
    );
  }
  const token = `kbc_${Buffer.from(ports.random(32)).toString('base64url')}`;
  const id = Buffer.from(ports.random(6)).toString('hex');
  const madeAt = ports.now();
  const record: TokenRecord = { id, credential, consumer, madeAt, expiresAt: madeAt + lifetime, madeBy: actor };
  await ports.ledger.note({
    kind: 'consumer-token.made',
    credential,
    actor,
    body: { token: id, consumer, expiresAt: record.expiresAt },
  });
  await tokens.add(record, token);
  return { token, record };
}

/** Ends a token at once, in every process that shares the file. */
export async function revokeConsumerToken(
  ports: Pick<ControlPorts, 'ledger' | 'now'>,
  tokens: ConsumerTokens,
  input: { readonly id: string; readonly actor: string },
): Promise<void> {
  const record = (await tokens.list()).find(({ id }) => id === input.id);
  await tokens.revoke(input.id, input.actor, ports.now());
  if (record === undefined) return;
  await ports.ledger.note({
    kind: 'consumer-token.revoked',
    credential: record.credential,
    actor: input.actor,
    body: { token: record.id, consumer: record.consumer },
  });
}
