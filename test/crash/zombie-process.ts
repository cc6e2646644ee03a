/**
 * A worker that freezes itself with SIGSTOP when every armed call has arrived at its adapter: after the intent, before
 * the effect. What came of each call once the process went on is written to `woke`.
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { z } from 'zod';
import { backendRegistry, type RegisteredBackend } from '../../backends/registry.ts';
import { codeOf } from '../../domain/errors.ts';
import { openLedger } from '../../ledger/open.ts';
import { inMemory } from '../../providers/in-memory.ts';
import type { AnyProvider } from '../../providers/provider.ts';
import { providers } from '../../providers/registry.ts';
import { readInstallationKey } from '../../worker/installation-key.ts';
import { openLog } from '../../worker/log.ts';
import { runWorker } from '../../worker/run-worker.ts';
import { slotPowers } from './zombie-lane.ts';

const [folder = '', address = '', namespace = '', freezes = ''] = process.argv.slice(2);
const armed = join(folder, 'armed.json');

const arming = z.array(z.object({ name: z.string(), operation: z.string(), inTime: z.boolean() }));
const arrived = new Set<string>();
const frozen = Promise.withResolvers<undefined>();

/** Waits here, frozen, if this call is armed. The answer says whether it is to be sent as if no time had passed. */
async function pass(name: string, operation: string): Promise<'on' | 'woke' | 'woke in time'> {
  if (freezes === '' || !existsSync(armed) || arrived.has(name)) return 'on';
  const calls = arming.parse(JSON.parse(readFileSync(armed, 'utf8')));
  const call = calls.find((one) => one.name === name && one.operation === operation);
  if (call === undefined) return 'on';
  arrived.add(name);
  if (arrived.size === calls.length) {
    writeFileSync(join(folder, 'frozen'), '');
    process.kill(process.pid, 'SIGSTOP');
    frozen.resolve(undefined);
  }
  await frozen.promise;
  return call.inTime ? 'woke in time' : 'woke';
}

/** What a call of the adapter is about: a target's name, or a place's path. */
const about = z.union([
  z.object({ name: z.string(), settings: z.unknown() }).transform((target) => target.name),
  z.object({ path: z.string() }).transform((place) => place.path.slice('ai/'.length)),
]);

function mined<Adapter extends object>(adapter: Adapter): Adapter {
  return new Proxy(adapter, {
    get(target, property) {
      const found: unknown = Reflect.get(target, property);
      if (typeof found !== 'function' || typeof property !== 'string') return found;
      const name = (given: readonly unknown[]): string | undefined => about.safeParse(given[0]).data;
      if (!['issue', 'revoke', 'promote'].includes(property)) return found;
      return async (...given: unknown[]): Promise<unknown> => {
        const who = name(given) ?? '';
        const passed = await pass(who, property);
        if (passed === 'on') return Reflect.apply(found, target, given) as unknown;
        // Without its deadline only the comparison at the other side stands in the way.
        const call = { ...Object(given.at(-1)), deadline: Date.now() + 5_000, signal: AbortSignal.timeout(5_000) };
        const sent = passed === 'woke in time' ? [...given.slice(0, -1), call] : given;
        try {
          const answer: unknown = await Reflect.apply(found, target, sent);
          appendFileSync(join(folder, 'woke'), `${who} done\n`);
          return answer;
        } catch (thrown) {
          appendFileSync(join(folder, 'woke'), `${who} ${codeOf(thrown)}\n`);
          throw thrown;
        }
      };
    },
  });
}

const minedProviders = Object.fromEntries(
  Object.entries<() => AnyProvider>({
    ...providers,
    'in-memory-slots': () => inMemory({ powers: slotPowers }),
  }).map(([name, make]) => [name, () => mined(make())]),
);
const minedBackends = Object.fromEntries(
  Object.entries<RegisteredBackend>(backendRegistry).map(([kind, backend]) => [
    kind,
    { ...backend, open: (...given: Parameters<RegisteredBackend['open']>) => mined(backend.open(...given)) },
  ]),
);

Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
const key = await readInstallationKey({ home: folder, environment: process.env, create: false });
const ledger = await openLedger({ url: `sqlite:${join(folder, 'ledger.sqlite')}` });
const running = await runWorker({
  temporal: { address, namespace },
  ledger,
  key,
  adapters: { providers: minedProviders, backends: minedBackends },
  environment: process.env,
  log: openLog('silent'),
});
process.once('SIGTERM', () => running.stop());
process.stdout.write('ready\n');
await running.ended;
await ledger.close();
