import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { jsonFile } from './json-file.ts';
import { roles } from './principal.ts';
import { because } from './refusal.ts';

const grantLine = z.object({
  role: z.enum(roles),
  environments: z.array(z.string()).optional(),
  teams: z.array(z.string()).optional(),
  groups: z.array(z.string()).optional(),
});

const made = z.object({
  token: z.string(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  name: z.string(),
  grants: z.array(grantLine),
  madeAt: z.number(),
  expiresAt: z.number(),
  madeBy: z.string(),
});
const line = z.union([made, z.object({ revoked: z.string(), at: z.number(), by: z.string() })]);

/** A token of ours for a program, or for the one person of a small installation. No person in the sense of approvals. */
export type OwnToken = Readonly<Omit<z.output<typeof made>, 'token' | 'hash'>> & { readonly id: string };

export interface OwnTokens {
  /** Keeps the SHA-256 of a token; on disk when it returns. */
  add(record: OwnToken, token: string): Promise<void>;
  /** ACCESS_DENIED for anything that is not kept, revoked or expired, without saying which. */
  verify(token: string, now: number): Promise<OwnToken>;
  /** The record by its id, for sign-ins made with it. ACCESS_DENIED likewise. */
  find(id: string, now: number): Promise<OwnToken>;
  list(): Promise<readonly OwnToken[]>;
  /** NOT_FOUND when no such token is kept. Again: no change. */
  revoke(id: string, by: string, now: number): Promise<void>;
}

export const ownTokenShape = /^kbp_[A-Za-z0-9_-]{43}$/;
const refused = (): KeybatonError => new KeybatonError('ACCESS_DENIED', 'this token is not valid');

/** One file of JSON lines, mode 0600, read again whenever it has changed: a revoked token ends at the next request. */
export function openOwnTokens(path: string): OwnTokens {
  type Kept = z.output<typeof made>;
  const file = jsonFile(path, line);

  async function current() {
    const read = await file.read();
    return {
      tokens: read.flatMap((one) => ('token' in one ? [one] : [])),
      revoked: new Set(read.flatMap((one) => ('revoked' in one ? [one.revoked] : []))),
    };
  }

  const good = async (fits: (one: Kept) => boolean, now: number): Promise<OwnToken> => {
    const { tokens, revoked } = await current();
    const found = tokens.find(fits);
    if (found === undefined) throw because('unknown', refused());
    if (revoked.has(found.token)) throw because('revoked', refused());
    if (found.expiresAt <= now) throw because('expired', refused());
    return withoutHash(found);
  };

  return {
    add: ({ id, ...record }, token) => file.append({ token: id, hash: hashOf(token).toString('hex'), ...record }),
    async verify(token, now) {
      if (!ownTokenShape.test(token)) throw because('malformed', refused());
      const hash = hashOf(token);
      return good((one) => timingSafeEqual(Buffer.from(one.hash, 'hex'), hash), now);
    },
    find: (id, now) => good((one) => one.token === id, now),
    async list() {
      const { tokens, revoked } = await current();
      return tokens.filter(({ token }) => !revoked.has(token)).map(withoutHash);
    },
    async revoke(id, by, now) {
      const { tokens, revoked } = await current();
      if (revoked.has(id)) return;
      if (!tokens.some(({ token }) => token === id))
        throw new KeybatonError('NOT_FOUND', 'there is no access token with this id: see `keybaton access list`');
      await file.append({ revoked: id, at: now, by });
    },
  };
}

export const hashOf = (token: string): Buffer => createHash('sha256').update(token, 'utf8').digest();

function withoutHash({ hash: _hash, token: id, ...record }: z.output<typeof made>): OwnToken {
  return { id, ...record };
}
