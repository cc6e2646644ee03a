import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { KeybatonError } from '../../domain/errors.ts';
import type { Operation, Reach } from '../operations/operation.ts';
import { jsonFile } from './json-file.ts';

const entryScope = z.object({ environment: z.string(), team: z.string(), groups: z.array(z.string()) });
const reachLine = z.union([
  z.object({ kind: z.literal('entries'), entries: z.array(entryScope) }),
  z.object({ kind: z.literal('installation') }),
  z.object({ kind: z.literal('what the caller sees') }),
]);

const line = z.union([
  z.object({
    asked: z.string(),
    /** What exactly: operation, input, reach and what was looked at, as a hash. */
    what: z.string(),
    operation: z.string(),
    /** The input without its secrets, for those who must agree. */
    input: z.unknown(),
    reach: reachLine,
    why: z.string(),
    by: z.string(),
    at: z.number(),
    until: z.number(),
  }),
  z.object({ agreed: z.string(), person: z.string(), by: z.string(), at: z.number() }),
  z.object({ withdrawn: z.string(), by: z.string(), at: z.number() }),
  z.object({ done: z.string(), by: z.string(), at: z.number() }),
]);

export interface Approval {
  readonly id: string;
  readonly what: string;
  readonly operation: string;
  readonly input: unknown;
  readonly reach: Reach;
  /** Why two people must agree. */
  readonly why: string;
  readonly askedBy: string;
  readonly askedAt: number;
  readonly until: number;
  readonly agreed: readonly { readonly person: string; readonly by: string; readonly at: number }[];
}

export interface Approvals {
  /** The open question about exactly this; asked now where nobody has. On disk when it returns. */
  ask(input: {
    readonly what: string;
    readonly operation: string;
    readonly input: unknown;
    readonly reach: Reach;
    readonly why: string;
    readonly by: string;
    readonly now: number;
  }): Promise<Approval>;
  /** NOT_FOUND when it is unknown, used, withdrawn or out of time. */
  find(id: string, now: number): Promise<Approval>;
  /** The same person again: no change. */
  agree(input: {
    readonly id: string;
    readonly person: string;
    readonly by: string;
    readonly now: number;
  }): Promise<Approval>;
  withdraw(input: { readonly id: string; readonly by: string; readonly now: number }): Promise<void>;
  /** Those still open. */
  list(now: number): Promise<readonly Approval[]>;
  /** Takes it, once: CONFLICT for the second who tries, in whichever process. */
  use(input: { readonly id: string; readonly by: string; readonly now: number }): Promise<void>;
}

/** Milliseconds: long enough to find a second person at night, too short to be found by chance. */
export const approvalLasts = 30 * 60_000;

/** Questions in one synced file of mode 0600, so that a large emergency needs no ledger. */
export function openApprovals(path: string): Approvals {
  const file = jsonFile(path, line);

  async function list(now: number): Promise<readonly Approval[]> {
    const found = new Map<string, Approval>();
    for (const one of await file.read()) {
      if ('asked' in one) {
        const { asked: id, by: askedBy, at: askedAt, ...rest } = one;
        found.set(id, { ...rest, id, askedBy, askedAt, agreed: [] });
      } else if ('agreed' in one) {
        const { agreed: id, ...agreed } = one;
        const mine = found.get(id);
        // Late agreement is none: whoever agreed then may know more, or less, than who asked.
        if (mine !== undefined && agreed.at < mine.until && !mine.agreed.some(({ person }) => person === agreed.person))
          found.set(id, { ...mine, agreed: [...mine.agreed, agreed] });
      } else found.delete('done' in one ? one.done : one.withdrawn);
    }
    return [...found.values()].filter(({ until }) => now < until);
  }

  async function find(id: string, now: number): Promise<Approval> {
    const found = (await list(now)).find((one) => one.id === id);
    if (found !== undefined) return found;
    throw new KeybatonError(
      'NOT_FOUND',
      'there is no open approval with this id: it may be used, withdrawn or out of time',
    );
  }

  return {
    async ask({ now, by, reach, ...asked }) {
      const open = (await list(now)).find(({ what }) => what === asked.what);
      if (open !== undefined) return open;
      const id = randomBytes(6).toString('hex');
      const until = now + approvalLasts;
      // The line is read back as it was written: what JSON cannot hold is not part of a question.
      const kept: z.input<typeof reachLine> =
        reach.kind === 'entries'
          ? { kind: 'entries', entries: reach.entries.map((one) => ({ ...one, groups: [...one.groups] })) }
          : reach;
      await file.append({ asked: id, ...asked, reach: kept, by, at: now, until });
      return { id, ...asked, reach, askedBy: by, askedAt: now, until, agreed: [] };
    },
    find,
    async agree({ id, person, by, now }) {
      const found = await find(id, now);
      if (found.agreed.some((one) => one.person === person)) return found;
      await file.append({ agreed: id, person, by, at: now });
      return find(id, now);
    },
    async withdraw({ id, by, now }) {
      await find(id, now);
      await file.append({ withdrawn: id, by, at: now });
    },
    list,
    async use({ id, by, now }) {
      await find(id, now);
      await takeOnce(`${path}.${id}.used`);
      await file.append({ done: id, by, at: now });
    },
  };
}

/** A file that only one can make: of two processes that come at once one goes on. */
async function takeOnce(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await (await open(path, 'wx', 0o600)).close();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    throw new KeybatonError('CONFLICT', 'this approval is used already: ask anew');
  }
}

/**
 * Names exactly what is asked: other input, another reach, or another state of what was looked at, is another question.
 * Secrets take no part in it.
 */
export function nameOfWhat(operation: Operation, input: unknown, reach: Reach, looked: unknown): string {
  const text = JSON.stringify([
    operation.name,
    sorted(withoutSecrets(operation, input)),
    sorted(reach),
    sorted(looked),
  ]);
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

export function withoutSecrets({ secret = [] }: Operation, input: unknown): unknown {
  if (typeof input !== 'object' || input === null) return input;
  return Object.fromEntries(Object.entries(input).filter(([key]) => !secret.includes(key)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const known = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(
    known.toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([key, one]) => [key, sorted(one)]),
  );
}
