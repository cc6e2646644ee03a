import type { FastifyRequest } from 'fastify';
import { parseCredentialId } from '../../domain/identifiers.ts';
import type { CredentialId } from '../../domain/identifiers.ts';

export const credentialPath = '/credentials/:provider/:environment/:application';

/** INVALID_CONFIG for what is no id. */
export function credentialOf(request: FastifyRequest): CredentialId {
  // Fastify gives every named segment of a matched path as text.
  const { provider, environment, application } = request.params as Readonly<Record<string, string>>;
  return parseCredentialId(`${String(provider)}/${String(environment)}/${String(application)}`);
}
