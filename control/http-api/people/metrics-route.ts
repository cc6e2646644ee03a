import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Operation } from '../../operations/operation.ts';
import { metricsOperation } from '../../operations/table/metrics.ts';

/** Milliseconds that figures of the ledger are shown again: reading them looks at every credential. */
const freshFor = 15_000;

type Figures = Readonly<Record<string, unknown>>;

/**
 * `/metrics` for Prometheus, to whoever may ask for `metrics`. Requests by declared route, method and status, and what the
 * ledger counts; never an id, a name or an address.
 */
export function metricsRoute(
  app: FastifyInstance,
  guarded: FastifyInstance,
  ask: (request: FastifyRequest, operation: Operation) => Promise<unknown>,
): void {
  const registry = new Registry();
  const labelNames = ['route', 'method', 'status'] as const;
  const requests = new Counter({
    name: 'keybaton_http_requests_total',
    help: 'Answered requests, by declared route',
    labelNames,
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'keybaton_http_request_seconds',
    help: 'Time to the answer, by declared route',
    labelNames: ['route', 'method'] as const,
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  const up = gauge(registry, 'keybaton_ledger_up', '1: the ledger answered when it was last asked');
  const gauges = new Map(
    Object.keys(metricsOperation.answer.shape).map((name) => [
      name,
      new Gauge({
        name: `keybaton_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`,
        help: `See the operation metrics: ${name}`,
        ...(name === 'credentials' ? { labelNames: ['status'] as const } : {}),
        registers: [registry],
      }),
    ]),
  );
  const remembered = rememberingMetrics();

  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unknown';
    const { method } = request;
    requests.inc({ route, method, status: reply.statusCode });
    seconds.observe({ route, method }, reply.elapsedTime / 1_000);
  });

  guarded.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    // Asked for each time, so that it is authorised each time; that the ledger is down is a figure too.
    const figures = await ask(request, remembered);
    up.set(figures === undefined ? 0 : 1);
    if (figures !== undefined) show(gauges, figures as Figures);
    return reply
      .type(registry.contentType)
      .serializer(String)
      .send(await registry.metrics());
  });
}

/** The operation, reading the ledger at most so often. */
function rememberingMetrics(): Operation {
  let last: { readonly at: number; readonly figures: ReturnType<typeof metricsOperation.run> } | undefined;
  return {
    ...metricsOperation,
    async run(ports, _input, caller) {
      const at = performance.now();
      if (last === undefined || at - last.at > freshFor)
        last = { at, figures: metricsOperation.run(ports, {}, caller) };
      try {
        return await last.figures;
      } catch (thrown) {
        last = undefined;
        throw thrown;
      }
    },
  };
}

function show(gauges: ReadonlyMap<string, Gauge<'status'> | Gauge>, figures: Figures): void {
  for (const [name, value] of Object.entries(figures)) {
    const one = gauges.get(name) as Gauge<'status'> | undefined;
    if (typeof value === 'number') one?.set(value);
    else
      for (const [status, amount] of Object.entries(value as Readonly<Record<string, number>>))
        one?.set({ status }, amount);
  }
}

const gauge = (registry: Registry, name: string, help: string): Gauge =>
  new Gauge({ name, help, registers: [registry] });
