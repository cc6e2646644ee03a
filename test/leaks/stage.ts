import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { registered, backendRegistry } from '../../backends/registry.ts';
import { inMemory as inMemoryBackend } from '../../backends/in-memory.ts';
import type { Entry } from '../../domain/entry.ts';
import { parseCredentialId, type CredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import type { RotationResult } from '../../domain/rotation.ts';
import { openLedger } from '../../ledger/open.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { inMemory } from '../../providers/in-memory.ts';
import { sharedWorld } from '../../providers/in-memory/shared-world.ts';
import type { World } from '../../providers/in-memory/world.ts';
import { filesOf, placeOf, type Place } from '../../scripts/demo/search-places.ts';
import { startScript } from '../../scripts/servers/child-process.ts';
import type { Program } from '../../scripts/servers/program.ts';
import { startTemporalServer } from '../../scripts/servers/temporal-server.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { activityPorts } from '../../worker/activity-ports.ts';
import { installationKey } from '../../worker/installation-key.ts';
import { openSupplies } from '../../worker/supplies.ts';
import { connectTemporal, rotations, workflowStarter } from '../../worker/temporal.ts';
import { plainEntry, quick } from '../support/rotation-world.ts';
import { persist } from '../support/persist.ts';
import { until } from '../support/until.ts';
import { histories, visibility } from './temporal-places.ts';

export interface Actor {
  readonly id: CredentialId;
  readonly world: World;
  readonly name: string;
}

/** A whole keybaton whose every trace is kept to be searched: Temporal with a database file, ledger, vault, a worker that logs all it can. */
export interface LeakStage {
  readonly ledger: Ledger;
  actor(
    name: string,
    provider: string,
    backend: 'embedded' | 'in-memory',
    entry?: Partial<Entry>,
    settings?: object,
  ): Promise<Actor>;
  rotate(actor: Actor): Promise<void>;
  result(actor: Actor): Promise<RotationResult>;
  reaches(actor: Actor, step: string): Promise<void>;
  wake(actor: Actor): Promise<void>;
  leak(actor: Actor): Promise<void>;
  supply(actor: Actor, value: string): Promise<void>;
  /** Tells the worker's in-memory backend to throw. */
  trouble(actor: Actor, operation: string, trouble: string): Promise<void>;
  killWorker(): Promise<void>;
  startWorker(): Promise<void>;
  /** Which adapter threw what against its contract, one line each: `provider.issue message`. */
  thrown(): readonly string[];
  /** A value that was made outside: it is looked for as well. */
  alsoSearch(values: readonly string[]): void;
  values(): readonly string[];
  /** Plants a value of its own in every place, stops everything, and answers the places and what lies there. */
  end(): Promise<{ readonly places: readonly Place[]; readonly controls: ReadonlyMap<string, string> }>;
  close(): Promise<void>;
}

/** For conditions on a busy machine, in milliseconds. */
export const patience = 90_000;

const canary = (): string => randomBytes(32).toString('base64url');

/** `environment` goes to the worker: what it says in there are admin credentials of other providers. */
export async function openLeakStage(environment: Readonly<Record<string, string>> = {}): Promise<LeakStage> {
  const folder = temporaryFolder('leaks');
  const [home, taps] = [join(folder.path, 'home'), join(folder.path, 'taps')];
  for (const each of [home, taps]) mkdirSync(each);
  const server = await startTemporalServer({ dbFilename: join(home, 'temporal.db') });
  const keyBytes = randomBytes(32);
  const admin = canary();
  const key = installationKey(keyBytes);
  const killSheet = join(home, 'kill-sheet-of-the-api.json');
  const ledger = await openLedger({ url: `sqlite:${join(home, 'ledger.sqlite')}`, killSheet });
  const temporal = await connectTemporal(server);
  const runs = rotations(async () => temporal, server.address);
  const providers = { supplied: () => inMemory({ powers: { keys: 'operator-supplied' } }) };
  const ports = activityPorts({
    ledger,
    key,
    adapters: { providers, backends: { ...backendRegistry, 'in-memory': registered(inMemoryBackend) } },
    environment: { ADMIN: admin },
    workflows: workflowStarter(temporal.client, quick),
  });
  const supplies = openSupplies(ports);
  const supplied: string[] = [];
  const elsewhere: string[] = Object.values(environment);
  const targets: Record<string, unknown> = {};
  const backends: Record<string, unknown> = {
    vault: { kind: 'embedded', settings: { file: join(home, 'vault.sqlite') }, path: 'ai' },
  };
  const worlds: (World & { close(): void })[] = [];
  const actors: Actor[] = [];
  const statuses: string[] = [];
  let worker: Program | undefined;
  let workers = 0;
  let orders = 0;
  let watching: Promise<void> | undefined;
  let over = false;

  /** What `status` shows people, again and again. */
  async function watch(): Promise<void> {
    while (!over) {
      for (const { id } of actors)
        statuses.push(JSON.stringify((await runs.status(id).catch(() => undefined)) ?? null));
      await new Promise((done) => setTimeout(done, 300));
    }
  }

  async function startWorker(): Promise<void> {
    workers += 1;
    worker = await startScript({
      file: new URL('./worker-process.ts', import.meta.url),
      args: [home, taps, server.address, server.namespace],
      logFile: join(home, `worker-${workers}.log`),
      env: {
        KEYBATON_INSTALLATION_KEY: keyBytes.toString('base64'),
        ADMIN: admin,
        ...environment,
        // All that libraries would ever say; Node's own NODE_DEBUG is refused by every process of ours.
        DEBUG: '*',
        GRPC_TRACE: 'all',
        GRPC_VERBOSITY: 'DEBUG',
        RUST_LOG: 'debug',
        RUST_BACKTRACE: '1',
        TEMPORAL_PRINT_FULL_PAYLOADS: '1',
      },
    });
    await worker.printed(/ready/);
  }

  const start = (credential: CredentialId): Promise<unknown> =>
    persist(() => runs.start({ credential, reason: 'test', actor: 'test', rehearse: false, pace: quick }));
  const tell = async (order: object): Promise<void> => {
    if (worker === undefined) throw new Error('no worker runs');
    orders += 1;
    worker.stdin.write(`${JSON.stringify({ ...order, number: orders })}\n`);
    await worker.printed(new RegExp(`did ${orders}\\n`));
  };
  const lines = (file: string): readonly string[] =>
    existsSync(join(taps, file)) ? readFileSync(join(taps, file), 'utf8').trim().split('\n') : [];

  await startWorker();
  return {
    ledger,
    async actor(name, provider, backend, changes = {}, settings = {}) {
      watching ??= watch();
      const world = sharedWorld(join(taps, name));
      worlds.push(world);
      targets[name] = {
        provider,
        environment: 'test',
        settings: provider === 'openai' ? settings : { folder: join(taps, name), ...settings },
        admin: provider === 'openai' ? 'env:OPENAI_ADMIN' : 'env:ADMIN',
        teams: [name],
        paths: ['ai'],
        probes: {},
      };
      const place = backend === 'embedded' ? 'vault' : `shelf-${name}`;
      if (backend === 'in-memory') backends[place] = { kind: 'in-memory', settings: { world: name }, path: 'ai' };
      const id = parseCredentialId(`leaks/test/${name}`);
      const entry = {
        ...plainEntry(id, name, [{ backend: place, path: `ai/${name}`, fields: undefined }]),
        ...changes,
      };
      await ledger.applyInventory({ teams: [name], entries: [entry], targets: { targets, backends }, actor: 'test' });
      const actor = { id, world, name };
      actors.push(actor);
      return actor;
    },
    async rotate({ id }) {
      if ((await ledger.facts(id)).epochs.length > 0)
        await ledger.request({ kind: 'rotate', credential: id, who: 'test', why: 'test' });
      await start(id);
    },
    result: ({ id }) => temporal.client.workflow.getHandle(`rotation/${id}`).result() as Promise<RotationResult>,
    async reaches({ id }, step) {
      await until(
        `${id} is in step ${step}`,
        async () => (await persist(() => runs.status(id)))?.step === step,
        patience,
      );
    },
    wake: ({ id }) => persist(() => runs.wake(id)),
    async leak({ id, name }) {
      const version = (await ledger.facts(id)).epochs[0]?.version;
      if (version === undefined) throw new Error('nothing is current');
      await ledger.declareIncident({ incident: name, versions: [version], who: 'test', why: 'test' });
      await persist(() => runs.escalate(id, { incident: name, compromised: [version] }));
    },
    async supply({ id }, value) {
      supplied.push(value);
      await supplies.supply(id, new SecretMaterial({ api_key: value }, 'api_key'), 'test');
      await persist(() => runs.wake(id));
    },
    trouble: ({ name }, operation, trouble) => tell({ world: name, operation, trouble }),
    async killWorker() {
      await worker?.kill();
    },
    startWorker,
    thrown: () => lines('thrown'),
    alsoSearch: (more) => void elsewhere.push(...more),
    values: () => [...new Set([...lines('values'), ...elsewhere, ...supplied, admin, keyBytes.toString('base64')])],
    end,
    async close() {
      over = true;
      await watching;
      await worker?.kill();
      for (const world of worlds) world.close();
      await ledger.close();
      await temporal.close();
      await server.stop();
      folder.remove();
    },
  };

  async function end(): ReturnType<LeakStage['end']> {
    const controls = new Map<string, string>();
    const control = (place: string): string => {
      const value = canary();
      controls.set(place, value);
      return value;
    };
    await plant(control, controls);
    over = true;
    await watching;
    const inMemoryPlaces = [
      text('histories', await histories(temporal.client)),
      text('visibility', await visibility(temporal.client)),
      text('statuses', statuses),
      text(
        'alarms',
        (await Promise.all(actors.map(({ id }) => ledger.openAlarms(id)))).map((one) => JSON.stringify(one)),
      ),
      text('ledger events', [JSON.stringify(await ledger.dump())]),
    ];
    await worker?.stop();
    await ledger.close();
    await temporal.close();
    await server.stop();
    const files = filesOf(home).filter((file) => !file.endsWith('-shm'));
    const databases = files.filter((file) => /\.(db|sqlite)$/.test(file)).map(placeOf);
    const others = files.filter((file) => !/\.(db|sqlite)$/.test(file));
    // What has no door of its own gets its control at its end.
    for (const file of others)
      if (!controls.has(basename(file))) appendFileSync(file, `\n${control(basename(file))}\n`);
    return { places: [...inMemoryPlaces, ...databases, ...others.map(placeOf)], controls };
  }

  /** By the door through which a secret would come in. */
  async function plant(control: (place: string) => string, controls: Map<string, string>): Promise<void> {
    await temporal.client.workflow.start('control', {
      workflowId: 'control',
      taskQueue: 'nobody',
      args: [control('temporal.db'), control('histories')],
      memo: { note: control('visibility') },
    });
    const [first] = actors;
    if (first === undefined) throw new Error('nobody played');
    await ledger.alarm({ credential: first.id, key: 'control', text: control('alarms'), page: false });
    await ledger.alarm({ credential: first.id, key: 'another', text: control('ledger.sqlite'), page: false });
    await ledger.alarm({ credential: first.id, key: 'third', text: control('ledger events'), page: false });
    await tell({ log: control(`worker-${workers}.log`) });
    const path = control('kill-sheet.json');
    for (const place of ['kill-sheet-of-the-api.json', 'vault.sqlite']) controls.set(place, path);
    const id = parseCredentialId('leaks/test/control');
    await ledger.applyInventory({
      teams: ['control'],
      entries: [plainEntry(id, 'control', [{ backend: 'vault', path: `ai/${path}`, fields: undefined }])],
      targets: { targets: { ...targets, control: targets[first.name] }, backends },
      actor: 'test',
    });
    await start(id);
    await temporal.client.workflow.getHandle(`rotation/${id}`).result();
    await until('the kill sheets are replaced', () =>
      ['kill-sheet.json', 'kill-sheet-of-the-api.json'].every((file) =>
        readFileSync(join(home, file), 'utf8').includes('leaks/test/control'),
      ),
    );
    await ledger.request({ kind: 'pause', credential: first.id, who: 'test', why: control('statuses') });
    await start(first.id);
    const seen = statuses.length;
    await until('its pause is shown', () => statuses.slice(seen).some((one) => one.includes('paused by')), patience);
  }
}

const text = (name: string, texts: readonly string[]): Place => ({
  name,
  bytes: texts.map((one) => Buffer.from(one, 'utf8')),
});
