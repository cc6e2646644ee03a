import { createHash, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { isCredentialId } from '../../domain/identifiers.ts';
import type { CredentialId } from '../../domain/identifiers.ts';
import { appendDurably, markOfFile, openOwnFile } from './json-lines.ts';

/** What a token stands for: one consumer of one credential, until it expires. The token itself is kept nowhere. */
export interface TokenRecord {
  /** Names the token for people and logs. */
  readonly id: string;
  readonly credential: CredentialId;
  readonly consumer: string;
  readonly madeAt: number;
  readonly expiresAt: number;
  readonly madeBy: string;
}

export interface ConsumerTokens {
  /** Keeps the SHA-256 of a token; on disk when it returns. */
  add(record: TokenRecord, token: string): Promise<void>;
  /** The record of this token for this credential. ACCESS_DENIED for anything else, without saying what was wrong. */
  verify(token: string, credential: CredentialId, now: number): Promise<TokenRecord>;
  /** Every token not revoked; no secret. */
  list(): Promise<readonly TokenRecord[]>;
  /** NOT_FOUND when no such token is kept. Again: no change. */
  revoke(id: string, by: string, now: number): Promise<void>;
}

const tokenShape = /^kbc_[A-Za-z0-9_-]{43}$/;

const line = z.union([
  z.object({
    token: z.string(),
    hash: z.string().regex(/^[0-9a-f]{64}$/),
    credential: z.string().refine(isCredentialId),
    consumer: z.string(),
    madeAt: z.number(),
    expiresAt: z.number(),
    madeBy: z.string(),
  }),
  z.object({ revoked: z.string(), at: z.number(), by: z.string() }),
]);

type Kept = TokenRecord & { readonly hash: Buffer };

interface Contents {
  readonly tokens: readonly Kept[];
  readonly revoked: ReadonlySet<string>;
}

/**
 * Tokens in one file of JSON lines, mode 0600. Several processes share it: each reads it again when it has changed, so
 * that a new or revoked token counts at the next request. A line that a crash has torn is no token.
 */
export function openConsumerTokens(path: string): ConsumerTokens {
  let kept: Contents = { tokens: [], revoked: new Set() };
  let mark: string | undefined;
  let reading: Promise<Contents> | undefined;

  async function readAgain(): Promise<Contents> {
    const now = await markOfFile(path);
    if (now === mark) return kept;
    kept = parse(now === undefined ? '' : await readFile(path, 'utf8'));
    mark = now;
    return kept;
  }

  async function current(): Promise<Contents> {
    // Requests that arrive meanwhile may have to see a later change: each waits for a reading of its own, in turn.
    const mine = (reading ?? Promise.resolve()).then(readAgain, readAgain);
    reading = mine;
    return mine;
  }

  async function append(record: unknown): Promise<void> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await openOwnFile(path);
    try {
      await appendDurably(file, [record]);
    } finally {
      await file.close();
    }
  }

  return {
    async add({ id, ...record }, token) {
      await append({ token: id, hash: hashOf(token).toString('hex'), ...record });
    },

    async verify(token, credential, now) {
      const hash = tokenShape.test(token) ? hashOf(token) : undefined;
      const candidates = (await current()).tokens.filter((one) => one.credential === credential);
      const found = hash === undefined ? undefined : candidates.find((one) => timingSafeEqual(one.hash, hash));
      if (found === undefined || found.expiresAt <= now) {
        throw new KeybatonError(
          'ACCESS_DENIED',
          'this token is not valid for this credential: make one with `keybaton token make`',
        );
      }
      return withoutHash(found);
    },

    async list() {
      return (await current()).tokens.map(withoutHash);
    },

    async revoke(id, by, now) {
      const { tokens, revoked } = await current();
      if (revoked.has(id)) return;
      if (!tokens.some((one) => one.id === id)) {
        throw new KeybatonError('NOT_FOUND', 'there is no consumer token with this id: see `keybaton token list`');
      }
      await append({ revoked: id, at: now, by });
    },
  };
}

function parse(text: string): Contents {
  const tokens: Kept[] = [];
  const revoked = new Set<string>();
  for (const raw of text.split('\n')) {
    const read = line.safeParse(parseJson(raw));
    if (!read.success) continue;
    if ('revoked' in read.data) {
      revoked.add(read.data.revoked);
    } else {
      const { token: id, hash, ...record } = read.data;
      tokens.push({ id, hash: Buffer.from(hash, 'hex'), ...record });
    }
  }
  return { tokens: tokens.filter(({ id }) => !revoked.has(id)), revoked };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}

function withoutHash({ hash: _hash, ...record }: Kept): TokenRecord {
  return record;
}
