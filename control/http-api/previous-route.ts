import type { FastifyInstance } from 'fastify';
import { KeybatonError } from '../../domain/errors.ts';
import { mayBeSuspended } from '../../domain/facts.ts';
import type { CredentialFacts } from '../../domain/facts.ts';
import type { VersionId } from '../../domain/identifiers.ts';
import type { ControlPorts } from '../ports.ts';
import { credentialPath, requireCaller } from './caller.ts';

/**
 * Which earlier version a consumer may fall back to, for those who read their secret from a store beside keybaton: only the
 * ledger knows whether it is compromised or about to die. No secret. NOT_FOUND when there is none.
 */
export function previousRoute(app: FastifyInstance, { ledger }: Pick<ControlPorts, 'ledger'>): void {
  app.get(`${credentialPath}/previous`, async (request, reply) => {
    const { credential } = requireCaller(request);
    const previous = previousOf(await ledger.facts(credential));
    if (previous === undefined) throw new KeybatonError('NOT_FOUND', 'there is no previous version to fall back to');
    void reply.header('cache-control', 'no-store');
    return previous;
  });
}

/** What was current just before; an even older one is never given instead. */
function previousOf({
  epochs,
  versions,
}: Pick<CredentialFacts, 'epochs' | 'versions'>): { readonly version: VersionId; readonly epoch: number } | undefined {
  const before = epochs.find(({ version }) => version !== epochs[0]?.version);
  const known = versions.find(({ id }) => id === before?.version);
  if (before === undefined || known === undefined) return undefined;
  const ending = known.killBegun || known.authorisedEpoch !== undefined || known.dead !== undefined;
  if (known.compromised || known.refused || ending || mayBeSuspended(known)) return undefined;
  return { version: before.version, epoch: before.epoch };
}
