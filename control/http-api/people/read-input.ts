import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { KeybatonError } from '../../../domain/errors.ts';
import { fieldsOf } from './fields.ts';
import { expectedOf } from './preconditions.ts';
import type { PeopleRoute } from './routes.ts';

/** What was sent, as the operation's input that nobody has checked yet. Path, query and body never overrule each other. */
export function sentInput({ operation, method }: PeopleRoute, request: FastifyRequest): Record<string, unknown> {
  // Fastify gives named segments and the query's fields as text, and a field that came twice as several.
  const { provider, environment, application, ...named } = request.params as Readonly<Record<string, string>>;
  const path =
    provider === undefined
      ? named
      : { ...named, credential: `${provider}/${String(environment)}/${String(application)}` };
  const rest = method === 'GET' ? fromQuery(fieldsOf(operation.input), request.query) : fromBody(request.body);
  if (method !== 'GET' && Object.keys(request.query as object).length > 0)
    throw new KeybatonError('INVALID_CONFIG', 'this route has no query: send fields in the body');
  const twice = Object.keys(path).find((key) => Object.hasOwn(rest, key));
  if (twice !== undefined) throw new KeybatonError('INVALID_CONFIG', `${twice} is in the path: leave it out beside it`);
  return { ...rest, ...path, ...expectedOf(operation.name, request, rest) };
}

function fromBody(body: unknown): Record<string, unknown> {
  if (body === undefined || body === null) return {};
  if (typeof body !== 'object' || Array.isArray(body))
    throw new KeybatonError('INVALID_CONFIG', 'the body must be a JSON object');
  // A copy without a prototype of its own making: `__proto__` in JSON is an ordinary name here.
  return Object.fromEntries(Object.entries(body));
}

function fromQuery(fields: Readonly<Record<string, z.ZodType>>, query: unknown): Record<string, unknown> {
  const given = Object.entries(query as Readonly<Record<string, string | readonly string[]>>);
  return Object.fromEntries(
    given.map(([key, text]) => {
      const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
      return [key, field === undefined ? text : valueOf(field, text)];
    }),
  );
}

/** Text as the type that the field has; what does not fit is left as it is, and refused by the schema. */
function valueOf(field: z.ZodType, text: string | readonly string[]): unknown {
  const kind = kindOf(field);
  if (typeof text !== 'string') return text;
  if (kind === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (kind === 'number') return /^-?\d{1,16}$/.test(text) ? Number(text) : text;
  return text;
}

function kindOf(field: z.ZodType): string {
  const { def } = field as unknown as { readonly def: { readonly type: string; readonly innerType?: z.ZodType } };
  return def.innerType === undefined ? def.type : kindOf(def.innerType);
}
