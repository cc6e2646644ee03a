import type { FastifyInstance } from 'fastify';
import { KeybatonError } from '../../domain/errors.ts';
import type { AccessLog } from '../access/access-log.ts';
import type { ControlPorts } from '../ports.ts';
import { read, whichSecret } from './bodies.ts';
import { credentialPath, requireCaller } from './caller.ts';
import { inside } from './inside.ts';
import type { RequestLog } from './request-log.ts';

/**
 * The one place where a secret leaves keybaton over HTTP: out of the embedded vault, to a token of a consumer of this
 * credential, after the reading is on disk in the access log. A compromised version is never given as `previous`.
 */
export function secretRoute(app: FastifyInstance, ports: ControlPorts, accessLog: AccessLog, log: RequestLog): void {
  app.get(`${credentialPath}/secret`, async (request, reply) => {
    const { credential, consumer, id } = requireCaller(request);
    const { which } = read(whichSecret, request.query);
    const { vault } = ports;
    if (vault === undefined) {
      throw new KeybatonError(
        'UNSUPPORTED',
        'this process has no embedded vault: read the secret where its backend keeps it',
      );
    }
    const { version, epoch, fields } = await inside(log, 'the embedded vault cannot be read', () =>
      vault.read(credential, which),
    );
    if (which === 'previous') {
      const known = (await ports.ledger.facts(credential)).versions.find((one) => one.id === version);
      if (known === undefined || known.compromised) {
        throw new KeybatonError('NOT_FOUND', 'there is no previous version to fall back to');
      }
    }
    const at = ports.now();
    await accessLog.record({ at, credential, consumer, token: id, address: request.ip, which, version, epoch });
    void reply.header('cache-control', 'no-store');
    return { version, epoch, value: fields.valueFieldName(), fields: fields.reveal() };
  });
}
