import type { FastifyRequest } from 'fastify';
import { KeybatonError } from '../../../domain/errors.ts';
import { read } from '../bodies.ts';
import { isUrgent } from './limits.ts';
import type { KeptAnswers } from './kept-answers.ts';
import { requirePrincipal } from './guard.ts';
import { holderOf } from '../../access/principal.ts';
import type { Operation } from '../../operations/operation.ts';
import type { PeopleRoute } from './routes.ts';

/**
 * What one person could overwrite of another's between looking and asking, and how If-Match says what was looked at: the
 * inventory by its number, and what stops a credential by the ids of its requests. Everything else is added beside what stands,
 * or names what it ends by an id of its own.
 */
const overwrites: Readonly<Record<string, { readonly seen: string; readonly expected: (tag: string) => unknown }>> = {
  apply: { seen: 'GET /v1/inventory', expected: (tag) => (/^\d{1,15}$/.test(tag) ? Number(tag) : undefined) },
  unpause: { seen: 'GET .../status', expected: stopsIn },
  thaw: { seen: 'GET .../status', expected: stopsIn },
};

const tags: Readonly<Record<string, (answer: never) => string>> = {
  'inventory-show': ({ n }: { readonly n: number }) => String(n),
  status: ({ requests }: { readonly requests: readonly { readonly id: string; readonly kind: string }[] }) =>
    requests
      .filter(({ kind }) => kind === 'pause' || kind === 'freeze')
      .map(({ id }) => id)
      .toSorted()
      .join('.') || nothingStops,
};

const nothingStops = 'none';

function stopsIn(tag: string): readonly string[] | undefined {
  if (tag === nothingStops) return [];
  const ids = tag.split('.');
  return ids.every((id) => /^[A-Za-z0-9_-]{1,64}$/.test(id)) ? ids : undefined;
}

/** Of what can be overwritten. */
export function tagOf({ operation }: PeopleRoute, answer: unknown): string | undefined {
  const tag = Object.hasOwn(tags, operation.name) ? tags[operation.name] : undefined;
  // The answer of that operation has what its tag is made from: its own schema says so.
  return tag === undefined ? undefined : `"${tag(answer as never)}"`;
}

/** What OpenAPI says of it. Undefined for what only reads, and has no tag. */
export function tellsOfTags({ name, effect }: Pick<Operation, 'name' | 'effect'>): string | undefined {
  if (Object.hasOwn(tags, name))
    return 'Its ETag says what was looked at, for the If-Match of what would overwrite it.';
  const seen = Object.hasOwn(overwrites, name) ? overwrites[name]?.seen : undefined;
  if (seen !== undefined)
    return `If-Match with the ETag of ${seen}, or \`expected\`: CONFLICT, with nothing done, when somebody has changed it since.`;
  return effect === 'read' ? undefined : 'Overwrites nothing that somebody else has said, so it knows no If-Match.';
}

export const takesIfMatch = (name: string): boolean => Object.hasOwn(overwrites, name);

/** `If-Match` says what was looked at before, as `expected` in the body does. INVALID_CONFIG where it says nothing we gave. */
export function expectedOf(
  name: string,
  { headers }: FastifyRequest,
  sent: Readonly<Record<string, unknown>>,
): { readonly expected?: unknown } {
  const text = headers['if-match'];
  const known = Object.hasOwn(overwrites, name) ? overwrites[name] : undefined;
  if (known === undefined || text === undefined) return {};
  const tag = /^"([A-Za-z0-9._-]{1,2000})"$/.exec(text)?.[1];
  const expected = tag === undefined ? undefined : known.expected(tag);
  if (expected === undefined)
    throw new KeybatonError('INVALID_CONFIG', `If-Match must be one ETag as ${known.seen} has it`);
  if (sent['expected'] !== undefined) throw new KeybatonError('INVALID_CONFIG', 'say If-Match or `expected`, not both');
  return { expected };
}

/**
 * Does a start once for its idempotency key; without a key, and for what is no start, each time. What is kept is told only to
 * whoever may do it still: `again` refuses everybody else.
 */
export async function once(
  kept: KeptAnswers | undefined,
  { operation }: PeopleRoute,
  request: FastifyRequest,
  input: unknown,
  run: () => Promise<unknown>,
  again: () => Promise<void>,
): Promise<{ readonly answer: unknown; readonly kept: boolean }> {
  const key = request.headers['idempotency-key'];
  if (operation.effect !== 'start' || key === undefined) return { answer: await run(), kept: false };
  if (typeof key !== 'string' || !/^[A-Za-z0-9._:-]{8,128}$/.test(key))
    throw new KeybatonError('INVALID_CONFIG', 'Idempotency-Key must be 8 to 128 of A-Z a-z 0-9 . _ : -');
  if (kept === undefined) return { answer: await run(), kept: false };
  // A mistake must not hold the key, and what fits no schema may be too deep to be written down.
  read(operation.input, input);
  const who = holderOf(requirePrincipal(request));
  const done = await kept.once(
    { key: [who, operation.name, key], input, evenUnrecorded: isUrgent(operation.name) },
    run,
  );
  if (done.kept) await again();
  return done;
}
