import type { FastifyReply } from 'fastify';
import { errorTable, isKeybatonError, KeybatonError } from '../../domain/errors.ts';
import type { ErrorCode } from '../../domain/errors.ts';

/** RFC 9457. `detail` comes from our own errors alone: what others throw may quote what they were given. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
}

/** When the other side named no time, in milliseconds. */
const retryAfterDefault = 2_000;

export function toKeybatonError(thrown: unknown): KeybatonError {
  if (isKeybatonError(thrown)) return thrown;
  const status =
    typeof thrown === 'object' && thrown !== null && 'statusCode' in thrown ? thrown.statusCode : undefined;
  // Fastify's own errors: their messages may quote the body, so only the status is read.
  if (status === 413) return new KeybatonError('INVALID_CONFIG', 'the body is too large', { cause: thrown });
  if (status === 415)
    return new KeybatonError('INVALID_CONFIG', 'the body must be application/json', { cause: thrown });
  if (status === 400) return new KeybatonError('INVALID_CONFIG', 'the request is not well-formed', { cause: thrown });
  return new KeybatonError('UNAVAILABLE', 'something failed inside; try again', { cause: thrown });
}

export function problemOf(error: KeybatonError): Problem {
  const { status, means } = errorTable[error.code];
  const type = `urn:keybaton:error:${error.code.toLowerCase().replaceAll('_', '-')}`;
  return { type, title: means, status, code: error.code, detail: error.message };
}

export async function sendProblem(reply: FastifyReply, error: KeybatonError): Promise<FastifyReply> {
  const problem = problemOf(error);
  if (errorTable[error.code].retryable) {
    void reply.header('retry-after', String(Math.max(1, Math.ceil((error.retryAfter ?? retryAfterDefault) / 1000))));
  }
  return reply.code(problem.status).header('cache-control', 'no-store').type('application/problem+json').send(problem);
}
