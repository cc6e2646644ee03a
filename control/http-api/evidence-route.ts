import type { FastifyInstance } from 'fastify';
import { KeybatonError } from '../../domain/errors.ts';
import type { CredentialId, VersionId } from '../../domain/identifiers.ts';
import type { ControlPorts } from '../ports.ts';
import { proof, read, report } from './bodies.ts';
import { credentialPath, requireCaller } from './caller.ts';
import { inside } from './inside.ts';
import { checkBoot } from './instances-route.ts';
import type { RequestLog } from './request-log.ts';

export interface Claim {
  readonly credential: CredentialId;
  readonly version: VersionId;
  readonly epoch: number;
  readonly consumer: string;
  readonly instance: string;
}

/** Is this the proof of that claim under this proof key? Constant time. Given by the composition root. */
export type CheckProof = (proofKey: Uint8Array, claim: Claim, proof: string) => boolean;

/**
 * Proofs of possession and reports of fall-backs and refusals (protocol 6). Answered only when the ledger has it on
 * disk; while it has not, 503: whoever asks again later loses nothing. `wake` goes out beside the answer.
 */
export function evidenceRoute(
  app: FastifyInstance,
  ports: ControlPorts,
  checkProof: CheckProof,
  log: RequestLog,
  wake: (credential: CredentialId) => void,
): void {
  app.post(`${credentialPath}/proofs`, async (request) => {
    const caller = requireCaller(request);
    const { credential, consumer } = caller;
    const body = read(proof, request.body);
    const { version, epoch, instance } = body;
    const newest = (await ports.ledger.facts(credential)).epochs[0];
    if (newest === undefined || newest.epoch !== epoch) {
      throw new KeybatonError(
        'CONFLICT',
        'this epoch is not the newest: read the secret again, use it, and prove that',
      );
    }
    if (newest.version !== version) throw refused();
    const key = await inside(log, 'the proof key cannot be read', () => ports.proofKeys.read(newest.version));
    if (!checkProof(key, { credential, version: newest.version, epoch, consumer, instance }, body.proof))
      throw refused();
    await checkBoot(ports, caller, instance, body.boot);
    const { missing } = await ports.ledger.prove({
      credential,
      epoch,
      consumer,
      instance,
      kind: 'possession',
      actor: actorOf(consumer, instance),
    });
    if (missing === 0) wake(credential);
    return { version, epoch, missing };
  });

  app.post(`${credentialPath}/reports`, async (request) => {
    const caller = requireCaller(request);
    const { credential, consumer } = caller;
    const { what, version, epoch, instance, boot } = read(report, request.body);
    await checkBoot(ports, caller, instance, boot);
    await ports.ledger.withdraw({ credential, epoch, consumer, instance, what, version });
    wake(credential);
    return { what, version, epoch };
  });
}

function refused(): KeybatonError {
  return new KeybatonError(
    'VERIFICATION_FAILED',
    'the proof is not one for the version of this epoch, this consumer and this instance: read the secret again',
  );
}

function actorOf(consumer: string, instance: string): string {
  return `consumer:${consumer}/${instance}`;
}
