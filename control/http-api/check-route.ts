import type { FastifyInstance } from 'fastify';
import { missingEvidence } from '../../domain/gate.ts';
import type { ControlPorts } from '../ports.ts';
import { read, wiringCheck } from './bodies.ts';
import { credentialPath, requireCaller } from './caller.ts';
import type { CheckProof } from './evidence-route.ts';
import { inside } from './inside.ts';
import type { RequestLog } from './request-log.ts';

/**
 * Evidence belongs to an epoch and an instance. No rotation reaches this epoch, and no instance can be registered by this
 * name: what is proved for them counts for nothing.
 */
const nobody = { epoch: Number.MAX_SAFE_INTEGER, instance: '!check' };

/**
 * Is this consumer wired rightly? Judges a proof that is made for nobody, and tells what is known of the instances of the
 * caller. Nothing is recorded: neither evidence nor an instance, which a rotation would have to wait for.
 */
export function checkRoute(
  app: FastifyInstance,
  { ledger, proofKeys }: Pick<ControlPorts, 'ledger' | 'proofKeys'>,
  checkProof: CheckProof,
  log: RequestLog,
): void {
  app.post(`${credentialPath}/check`, async (request, reply) => {
    const { credential, consumer } = requireCaller(request);
    const { version, proof } = read(wiringCheck, request.body);
    const { epochs, versions } = await ledger.facts(credential);
    const newest = epochs[0];
    const known = versions.find(({ id }) => id === version);
    let isGood: boolean | null = null;
    if (proof !== undefined && version !== undefined) {
      isGood = false;
      if (known !== undefined) {
        const key = await inside(log, 'the proof key cannot be read', () => proofKeys.read(known.id));
        isGood = checkProof(key, { credential, version: known.id, consumer, ...nobody }, proof);
      }
    }
    void reply.header('cache-control', 'no-store');
    const standing = { consumer, epoch: newest?.epoch ?? 0, version: newest?.version ?? null, proof: isGood };
    return { ...standing, instances: newest === undefined ? [] : await instancesOf(consumer, credential) };
  });

  async function instancesOf(consumer: string, credential: Parameters<typeof ledger.facts>[0]) {
    const [facts, now] = [await ledger.evidence(credential), await ledger.clock()];
    const missing = missingEvidence(facts, now).filter((one) => one.consumer === consumer);
    return facts.instances
      .filter((one) => one.consumer === consumer && !one.left)
      .map(({ instance, leaseUntil }) => ({
        instance,
        beats: leaseUntil >= now,
        missing: missing.find((one) => one.instance === instance)?.why ?? null,
      }));
  }
}
