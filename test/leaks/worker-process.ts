/**
 * The product's worker, with in-memory adapters that throw secrets when they are told to. It hands every value that is
 * made to a file that is not searched, and notes there which adapter threw what no adapter may throw.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { inMemory as inMemoryBackend, inMemoryWorld } from '../../backends/in-memory.ts';
import type { Operation, Trouble } from '../../backends/in-memory/world.ts';
import { backendRegistry, registered, type RegisteredBackend } from '../../backends/registry.ts';
import { isKeybatonError } from '../../domain/errors.ts';
import { openLedger } from '../../ledger/open.ts';
import { inMemory } from '../../providers/in-memory.ts';
import { providers } from '../../providers/registry.ts';
import type { Powers } from '../../providers/in-memory/settings.ts';
import type { AnyProvider } from '../../providers/provider.ts';
import { readInstallationKey } from '../../worker/installation-key.ts';
import { installRuntime, openLog } from '../../worker/log.ts';
import { runWorker } from '../../worker/run-worker.ts';

const [folder = '', taps = '', address = '', namespace = ''] = process.argv.slice(2);
const log = openLog('trace');
installRuntime(log);

/** Every call: randomness that becomes a value is tapped, and what is thrown against the contract is noted. */
function tapped<Adapter extends object>(kind: 'provider' | 'backend', adapter: Adapter): Adapter {
  return new Proxy(adapter, {
    get(target, property) {
      const found: unknown = Reflect.get(target, property);
      if (typeof found !== 'function' || typeof property !== 'string') return found;
      const noting = (thrown: unknown): never => {
        const leaks = !isKeybatonError(thrown) || thrown.cause !== undefined;
        if (leaks) appendFileSync(join(taps, 'thrown'), `${kind}.${property} ${shapeOf(thrown)}\n`);
        throw thrown;
      };
      return (...given: unknown[]): unknown => {
        const answer: unknown = Reflect.apply(found, target, [...given.slice(0, -1), withTap(given.at(-1))]);
        return answer instanceof Promise ? answer.catch(noting) : answer;
      };
    },
  });
}

function withTap(call: unknown): unknown {
  if (typeof call !== 'object' || call === null || !('random' in call) || typeof call.random !== 'function')
    return call;
  const { random } = call;
  return {
    ...call,
    random: (count: number): Uint8Array => {
      // The injected randomness answers bytes.
      const bytes = Reflect.apply(random, call, [count]) as Uint8Array;
      appendFileSync(join(taps, 'values'), `kbmem_${Buffer.from(bytes).toString('base64url')}\n`);
      return bytes;
    },
  };
}

function shapeOf(thrown: unknown): string {
  if (isKeybatonError(thrown)) return 'cause';
  if (thrown instanceof SyntaxError) return 'parse-error';
  if (thrown instanceof Error) return 'message';
  return typeof thrown === 'string' ? 'text' : 'non-error';
}

const provider = (powers: Partial<Powers>) => (): AnyProvider => tapped('provider', inMemory({ powers }));
const missing = (): never => {
  throw new Error('an adapter that ships is missing');
};
const embedded = backendRegistry['embedded'] ?? missing();
const opening = (backend: RegisteredBackend): RegisteredBackend => ({
  ...backend,
  open: (...given) => tapped('backend', backend.open(...given)),
});

const key = await readInstallationKey({ home: folder, environment: process.env, create: false });
const ledger = await openLedger({
  url: `sqlite:${join(folder, 'ledger.sqlite')}`,
  killSheet: join(folder, 'kill-sheet.json'),
});
const running = await runWorker({
  temporal: { address, namespace },
  ledger,
  key,
  adapters: {
    providers: {
      mints: provider({}),
      generates: provider({ makes: 'generate' }),
      supplied: provider({ keys: 'operator-supplied' }),
      openai: providers['openai'] ?? missing(),
    },
    backends: { embedded: opening(embedded), 'in-memory': opening(registered(inMemoryBackend)) },
  },
  environment: process.env,
  log,
});

/** What the test tells us to do, one JSON object a line. */
const orders = z.union([
  z.object({ number: z.number(), log: z.string() }),
  z.object({ number: z.number(), world: z.string(), operation: z.string(), trouble: z.string() }),
]);
createInterface({ input: process.stdin }).on('line', (line) => {
  const order = orders.parse(JSON.parse(line));
  if ('log' in order) log.info({ step: 'control' }, order.log);
  // The test names operations and troubles of the in-memory backend.
  else inMemoryWorld(order.world).script(order.trouble as Trouble, { operation: order.operation as Operation });
  process.stdout.write(`did ${order.number}\n`);
});
process.once('SIGTERM', () => {
  running.stop();
});
process.stdout.write('ready\n');
await running.ended;
await ledger.close();
process.exit(0);
