import type { FastifyInstance } from 'fastify';
import type { ControlPorts } from '../ports.ts';

/** `/healthz`: this process answers. `/readyz`: it can also record evidence, since the ledger answers. */
export function healthRoute(app: FastifyInstance, ports: ControlPorts): void {
  app.get('/healthz', () => ({ status: 'alive' }));
  app.get('/readyz', async () => {
    await ports.ledger.clock();
    return { status: 'ready' };
  });
}
