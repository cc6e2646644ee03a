import type { FastifySchema } from 'fastify';
import { z } from 'zod';
import { errorTable } from '../../../domain/errors.ts';
import type { ErrorCode } from '../../../domain/errors.ts';
import { fieldsOf } from './fields.ts';
import { takesIfMatch, tellsOfTags } from './preconditions.ts';
import type { PeopleRoute } from './routes.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

const segment = { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{0,62}$' } as const;

/** What OpenAPI says of one route, made from the very schemas that check what is sent. Nothing here checks anything. */
export function publishedSchema({ operation, method, path }: PeopleRoute): FastifySchema & { operationId: string } {
  const named = [...path.matchAll(/:([a-zA-Z]+)/g)].map(([, key = '']) => key);
  const inPath = named.includes('provider') ? [...named, 'credential'] : named;
  const all = fieldsOf(operation.input);
  const rest = Object.fromEntries(Object.entries(all).filter(([key]) => !inPath.includes(key)));
  const params = Object.fromEntries(
    named.map((key) => [key, all[key] === undefined ? segment : jsonSchema(all[key])] as const),
  );
  const tells = tellsOfTags(operation);
  return {
    operationId: operation.name,
    summary: operation.summary,
    tags: [tagOf(path)],
    security: [{ token: [] }],
    ...(named.length === 0 ? {} : { params: { type: 'object', properties: params, required: named } }),
    ...(Object.keys(rest).length === 0
      ? {}
      : method === 'GET'
        ? { querystring: jsonSchema(z.strictObject(rest)) }
        : { body: jsonSchema(z.strictObject(rest)) }),
    ...(tells === undefined ? {} : { description: tells }),
    ...(operation.effect === 'start' ? { headers: idempotencyHeader } : {}),
    ...(takesIfMatch(operation.name) ? { headers: ifMatchHeader } : {}),
    response: { 200: { description: 'done', ...jsonSchema(operation.answer) }, ...problems() },
  };
}

const idempotencyHeader = {
  type: 'object',
  properties: {
    'idempotency-key': {
      type: 'string',
      pattern: '^[A-Za-z0-9._:-]{8,128}$',
      description: 'the same key with the same input is answered once and done once, for 24 hours',
    },
  },
} as const;

const ifMatchHeader = {
  type: 'object',
  properties: {
    'if-match': {
      type: 'string',
      pattern: '^"[A-Za-z0-9._-]{1,2000}"$',
      description: 'the ETag of what was looked at',
    },
  },
} as const;

/** As what is sent: an answer may leave out what an input may. */
function jsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
  return rest;
}

const tagOf = (path: string): string => path.split('/')[2] ?? 'v1';

/** By status, with the codes that it has; from the one table of errors. */
function problems(): Readonly<Record<number, JsonSchema>> {
  return Object.fromEntries(
    // `Object.entries` forgets that the keys are codes.
    (Object.entries(errorTable) as [ErrorCode, (typeof errorTable)[ErrorCode]][]).map(([code, { status, means }]) => [
      status,
      {
        description: means,
        content: { 'application/problem+json': { schema: problemSchema(code, status) } },
      },
    ]),
  );
}

const problemSchema = (code: ErrorCode, status: number): JsonSchema => ({
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { const: status },
    code: { const: code },
    detail: { type: 'string' },
  },
});
