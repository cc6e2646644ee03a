import type { FastifyInstance } from 'fastify';
import { KeybatonError } from '../../domain/errors.ts';

/**
 * JSON bodies alone, and an empty one is none: clients send the header with a DELETE too. Shapes are checked by the
 * routes, which take only what they know, so that no name in a body reaches a prototype.
 */
export function jsonBody(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, async (_request: unknown, body: string) => {
    if (body === '') return undefined;
    try {
      // Its type is not trusted: every route reads it through a schema.
      return JSON.parse(body) as unknown;
    } catch (error) {
      throw new KeybatonError('INVALID_CONFIG', 'the body is not well-formed JSON', { cause: error });
    }
  });
}
