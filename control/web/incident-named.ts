import type { FastifyRequest } from 'fastify';

/** The incident whose page this is, as the address says it; its shape is checked by the operation. */
export function named(request: FastifyRequest): string {
  // A segment of a matched path is text.
  return String((request.params as Readonly<Record<string, unknown>>)['incident']);
}
