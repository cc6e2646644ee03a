/**
 * A worker as a process of its own whose calls can be held: the product's worker with its real adapters and ledger, each
 * wrapped so that a call of one credential waits before it has any effect, or after its effect and before anybody hears
 * of it. Whoever started it kills it then, for many credentials at once.
 */
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { z } from 'zod';
import { backendRegistry, type RegisteredBackend } from '../../backends/registry.ts';
import { parseVersionId } from '../../domain/identifiers.ts';
import { openLedger } from '../../ledger/open.ts';
import { inMemory } from '../../providers/in-memory.ts';
import type { AnyProvider } from '../../providers/provider.ts';
import { providers } from '../../providers/registry.ts';
import { readInstallationKey } from '../../worker/installation-key.ts';
import { openLog } from '../../worker/log.ts';
import { runWorker } from '../../worker/run-worker.ts';
import { armedFile, arrivedFile, labelOf, muteFolder, unansweredWrite, type Armed } from './held-calls.ts';
import { killPoints } from './points.ts';

const [folder = '', address = '', namespace = ''] = process.argv.slice(2);
const armed = armedFile(folder);

const forEver = new Promise<never>(() => undefined);
const arrived = new Set<string>();

function armedPoint(label: string | undefined): string | undefined {
  if (label === undefined || !existsSync(armed)) return undefined;
  // Written by whoever started us, as a whole.
  return (JSON.parse(readFileSync(armed, 'utf8')) as Armed)[label];
}

/** Waits here for ever if this point of this credential is armed. */
function pass(point: string, label: string | undefined): Promise<never> | undefined {
  if (label === undefined || armedPoint(label) !== point) return undefined;
  // A retry of a call that is held is held too, and has arrived already.
  if (!arrived.has(label)) appendFileSync(arrivedFile(folder), `${label}\n`);
  arrived.add(label);
  return forEver;
}

/** A call in whose middle the worker is killed: a write of it takes effect, and neither it nor its caller hears of that. */
async function withoutAnswer(label: string | undefined, call: string, act: () => unknown): Promise<unknown> {
  const due = unansweredWrite(armedPoint(label));
  if (label === undefined || due?.call !== call) return act();
  const held = (): boolean =>
    existsSync(arrivedFile(folder)) && readFileSync(arrivedFile(folder), 'utf8').split('\n').includes(label);
  if (held()) return forEver;
  const mute = join(muteFolder(folder), label);
  writeFileSync(mute, due.write);
  try {
    return await act();
  } finally {
    // It may have given up waiting for the answer: that is no answer.
    if (held()) await forEver;
    rmSync(mute);
  }
}

/** What a call of an adapter or of the ledger is about: a target, a place, a credential, a version. */
const about = z.union([
  z.object({ name: z.string(), settings: z.unknown() }).transform(({ name }) => ({ label: name })),
  z.object({ credential: z.string() }).transform(({ credential }) => ({ label: labelOf(credential) })),
  z.object({ version: z.string() }),
  z.string().transform((id) => (id.includes('/') ? { label: labelOf(id) } : { version: id })),
]);

async function labelFrom(given: readonly unknown[]): Promise<string | undefined> {
  const found = about.safeParse(given[0]).data;
  if (found === undefined || 'label' in found) return found?.label;
  return labelOf(await ledger.credentialOf(parseVersionId(found.version)));
}

const pointed = new Set(killPoints.map((point) => point.split(':')[0]));

/** An object whose calls have a point before and one after their effect, where there is one in the matrix. `kind`: another name. */
function mined<Adapter extends object>(name: string, adapter: Adapter, kind = name): Adapter {
  return new Proxy(adapter, {
    get(target, property) {
      const found: unknown = Reflect.get(target, property);
      if (typeof found !== 'function' || typeof property !== 'string') return found;
      if (!pointed.has(`${name}.${property}`)) return found;
      return async (...given: unknown[]): Promise<unknown> => {
        if (!existsSync(armed)) return Reflect.apply(found, target, given) as unknown;
        const label = await labelFrom(given);
        for (const one of [name, kind]) await pass(`${one}.${property}:before`, label);
        const answer = await withoutAnswer(label, `${kind}.${property}`, () => Reflect.apply(found, target, given));
        for (const one of [name, kind]) await pass(`${one}.${property}:after`, label);
        return answer;
      };
    },
  });
}

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
      open: (...given: Parameters<RegisteredBackend['open']>) => mined('backend', backend.open(...given), kind),
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
