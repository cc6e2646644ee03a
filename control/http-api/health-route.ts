import type { FastifyInstance } from 'fastify';
import { within } from '../operations/within.ts';
import type { ControlPorts } from '../ports.ts';

/** Milliseconds that an answer of Temporal is waited for, and shown again. */
const patience = 2_000;

/**
 * `/healthz`: this process answers. `/readyz`: it can also record evidence, since the ledger answers; how Temporal stands is
 * told beside it and makes nothing unready, since consumers read and prove without it.
 */
export function healthRoute(app: FastifyInstance, ports: ControlPorts): void {
  app.get('/healthz', () => ({ status: 'alive' }));
  app.get('/readyz', async () => {
    await within('the ledger', patience, ports.ledger.clock());
    return { status: 'ready', ledger: 'answers', temporal: await temporal() };
  });

  let known: { readonly at: number; readonly says: Promise<string> } | undefined;
  function temporal(): Promise<string> {
    const at = performance.now();
    if (known === undefined || at - known.at > patience) {
      // `async`: a port that throws at once is one that does not answer.
      const asked = (async () => within('Temporal', patience, ports.rotations.ping()))();
      known = { at, says: asked.then(() => 'answers').catch(() => 'does not answer') };
    }
    return known.says;
  }
}
