import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import { jsonFile } from './json-file.ts';

/** One breaking of the glass, open until a person has looked at what was done with it. */
export interface Review {
  readonly id: string;
  readonly token: string;
  readonly address: string;
  readonly openedAt: number;
  /** Every operation that was called with it, newest last, and whether it stood in for a second person. */
  readonly uses: readonly { readonly at: number; readonly operation: string; readonly overrode: string | null }[];
  /** Was somebody woken? `null`: nobody has answered for it yet. */
  readonly told: boolean | null;
  readonly closed: { readonly at: number; readonly by: string; readonly why: string } | null;
}

export interface Reviews {
  /** On disk when it returns: no glass breaks unseen. The same token from the same address within an hour is one review. */
  open(input: {
    readonly token: string;
    readonly address: string;
    readonly now: number;
  }): Promise<Review & { readonly fresh: boolean }>;
  used(input: {
    readonly review: string;
    readonly operation: string;
    readonly overrode: string | null;
    readonly now: number;
  }): Promise<void>;
  told(input: { readonly review: string; readonly told: boolean; readonly now: number }): Promise<void>;
  list(): Promise<readonly Review[]>;
  /** NOT_FOUND; again: no change. */
  close(input: {
    readonly review: string;
    readonly by: string;
    readonly why: string;
    readonly now: number;
  }): Promise<Review>;
}

const line = z.union([
  z.object({ opened: z.string(), token: z.string(), address: z.string(), at: z.number() }),
  z.object({ used: z.string(), operation: z.string(), overrode: z.string().nullable(), at: z.number() }),
  z.object({ told: z.string(), outcome: z.boolean(), at: z.number() }),
  z.object({ closed: z.string(), by: z.string(), why: z.string(), at: z.number() }),
]);

const together = 3_600_000;

/** A synced file of JSON lines, mode 0600, so that an emergency needs no database. */
export function openReviews(path: string): Reviews {
  const file = jsonFile(path, line);

  async function list(): Promise<readonly Review[]> {
    const found = new Map<string, Review>();
    const change = (id: string, to: (one: Review) => Review): void => {
      const one = found.get(id);
      if (one !== undefined) found.set(id, to(one));
    };
    for (const one of await file.read()) {
      if ('opened' in one) {
        const { opened: id, token, address, at } = one;
        found.set(id, { id, token, address, openedAt: at, uses: [], told: null, closed: null });
      } else if ('used' in one) {
        const { used, ...use } = one;
        change(used, (review) => ({ ...review, uses: [...review.uses, use] }));
      } else if ('told' in one)
        change(one.told, (review) => ({ ...review, told: review.told === true || one.outcome }));
      else {
        const { closed, ...end } = one;
        change(closed, (review) => ({ ...review, closed: review.closed ?? end }));
      }
    }
    return [...found.values()];
  }

  return {
    async open({ token, address, now }) {
      const running = (await list()).find(
        (one) => one.token === token && one.address === address && one.closed === null && now - one.openedAt < together,
      );
      if (running !== undefined) return { ...running, fresh: false };
      const id = randomBytes(6).toString('hex');
      await file.append({ opened: id, token, address, at: now });
      return { id, token, address, openedAt: now, uses: [], told: null, closed: null, fresh: true };
    },
    used: ({ review, operation, overrode, now }) => file.append({ used: review, operation, overrode, at: now }),
    told: ({ review, told, now }) => file.append({ told: review, outcome: told, at: now }),
    list,
    async close({ review, by, why, now }) {
      const found = (await list()).find(({ id }) => id === review);
      if (found === undefined) throw new KeybatonError('NOT_FOUND', 'there is no review with this id');
      if (found.closed !== null) return found;
      await file.append({ closed: review, by, why, at: now });
      return { ...found, closed: { at: now, by, why } };
    },
  };
}
