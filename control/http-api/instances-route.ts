import type { FastifyInstance } from 'fastify';
import { KeybatonError } from '../../domain/errors.ts';
import type { TokenRecord } from '../access/consumer-tokens.ts';
import type { ControlPorts } from '../ports.ts';
import { instancePath, leaving, read, registration } from './bodies.ts';
import { credentialPath, requireCaller } from './caller.ts';

/** Instances come, stay by renewing their lease, and leave. */
export function instancesRoute(app: FastifyInstance, ports: ControlPorts): void {
  const path = `${credentialPath}/instances/:instance`;

  app.put(path, async (request) => {
    const { credential, consumer } = requireCaller(request);
    const { instance } = read(instancePath, request.params);
    const { boot, lease } = read(registration, request.body);
    return await ports.ledger.beat({ credential, consumer, instance, boot, lease });
  });

  app.delete(path, async (request, reply) => {
    const caller = requireCaller(request);
    const { credential, consumer } = caller;
    const { instance } = read(instancePath, request.params);
    const { boot } = read(leaving, request.query);
    if (boot !== undefined) await checkBoot(ports, caller, instance, boot, { leftIsFine: true });
    await ports.ledger.leave({ credential, consumer, instance, how: 'deregistered' });
    return reply.code(204).send();
  });
}

/**
 * Does this start of the instance hold the name? Otherwise a second process of the same name could speak for one that
 * still runs on the old version. CONFLICT: register first, or another start of it is still beating.
 */
export async function checkBoot(
  ports: ControlPorts,
  { credential, consumer }: TokenRecord,
  instance: string,
  boot: string,
  { leftIsFine = false } = {},
): Promise<void> {
  const { instances } = await ports.ledger.evidence(credential);
  const named = instances.filter((one) => one.consumer === consumer && one.instance === instance);
  if (named.some((one) => one.boot === boot && (leftIsFine || !one.left))) return;
  if (leftIsFine && named.every(({ left }) => left)) return;
  throw new KeybatonError('CONFLICT', 'this start of the instance is not registered: register it first');
}
