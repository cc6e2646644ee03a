/**
 * A worker as a process of its own that kills itself with SIGKILL at one named point: the product's worker with its
 * real adapters and ledger, each wrapped so that a point before or after any of their calls can be armed by a file.
 */
import { appendFileSync, existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Runtime, DefaultLogger } from '@temporalio/worker';
import type { Backend } from '../../backends/backend.ts';
import { backendRegistry, type RegisteredBackend } from '../../backends/registry.ts';
import { openLedger } from '../../ledger/open.ts';
import { inMemory } from '../../providers/in-memory.ts';
import type { AnyProvider } from '../../providers/provider.ts';
import { providers } from '../../providers/registry.ts';
import { readInstallationKey } from '../../worker/installation-key.ts';
import { openLog } from '../../worker/log.ts';
import { runWorker } from '../../worker/run-worker.ts';

const [folder = '', address = '', namespace = ''] = process.argv.slice(2);
const armed = join(folder, 'kill-at');

let passed = 0;

/** `point#2` is the second time that it is passed. */
function pass(point: string): void {
  if (!existsSync(armed)) return;
  const [wanted, times = '1'] = readFileSync(armed, 'utf8').trim().split('#');
  if (wanted !== point) return;
  passed += 1;
  if (passed < Number(times)) return;
  renameSync(armed, join(folder, 'killed-at'));
  process.kill(process.pid, 'SIGKILL');
}

/** Every asynchronous call of an object, with a point before it and one after its effect. */
function mined<Adapter extends object>(name: string, adapter: Adapter): Adapter {
  return new Proxy(adapter, {
    get(target, property) {
      const found: unknown = Reflect.get(target, property);
      if (typeof found !== 'function' || typeof property !== 'string') return found;
      return (...given: unknown[]): unknown => {
        pass(`${name}.${property}:before`);
        const answer: unknown = Reflect.apply(found, target, given);
        if (!(answer instanceof Promise)) return answer;
        return answer.then((value: unknown) => {
          pass(`${name}.${property}:after`);
          return value;
        });
      };
    },
  });
}

/** Writes down each promotion at the moment it is asked for: what came after an escalation is judged by it. */
const witnessed = (backend: Backend): Backend => ({
  ...backend,
  promote(place, promotion, call) {
    const line = { credential: place.credential, version: promotion.version, at: Date.now() };
    appendFileSync(join(folder, 'promotions.jsonl'), `${JSON.stringify(line)}\n`);
    return backend.promote(place, promotion, call);
  },
});

const minedProviders = Object.fromEntries(
  Object.entries<() => AnyProvider>({
    ...providers,
    'in-memory-slots': () => inMemory({ powers: { keys: 'dual-slot', makes: 'generate', usage: undefined } }),
  }).map(([name, make]) => [name, () => mined('provider', make())]),
);
const minedBackends = Object.fromEntries(
  Object.entries<RegisteredBackend>(backendRegistry).map(([kind, backend]) => [
    kind,
    {
      ...backend,
      open: (...given: Parameters<RegisteredBackend['open']>) => mined('backend', witnessed(backend.open(...given))),
    },
  ]),
);

Runtime.install({ logger: new DefaultLogger('WARN', () => undefined) });
const key = await readInstallationKey({ home: folder, environment: process.env, create: false });
const ledger = await openLedger({ url: `sqlite:${join(folder, 'ledger.sqlite')}` });
const running = await runWorker({
  temporal: { address, namespace },
  ledger: mined('ledger', ledger),
  key,
  adapters: { providers: minedProviders, backends: minedBackends },
  environment: process.env,
  log: openLog('silent'),
  incidents: { home: folder, killSheet: join(folder, 'kill-sheet.json') },
});
process.stdout.write('ready\n');
await running.ended;
