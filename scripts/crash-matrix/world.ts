import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandLine } from '../demo/command-line.ts';
import type { Values } from '../demo/values.ts';
import { startScript } from '../servers/child-process.ts';
import { startHoldingProxy, type HoldingProxy } from '../servers/holding-proxy.ts';
import { poll } from '../servers/poll.ts';
import { startPostgresServer } from '../servers/postgres-server.ts';
import type { Ending, Program } from '../servers/program.ts';
import { startTemporalServer, type TemporalServer, type TemporalServerOptions } from '../servers/temporal-server.ts';
import { temporaryFolder } from '../servers/temporary-folder.ts';
import { pools, type FamilyName, type Scenario, type Victim } from './cells.ts';
import { people, type People } from './people.ts';
import { openAiWire, postgresWire, type WireFamily } from './families.ts';
import { startVault, type Vault } from './vault.ts';

/** A credential that cells are played on, one in each batch. */
export interface Subject {
  /** Names its target, its path, its project or its roles. */
  readonly label: string;
  readonly id: string;
  readonly family: FamilyName;
  readonly scenario: Scenario;
}

/** All that libraries would ever say; Node's own NODE_DEBUG is refused by every process of ours. */
const talkative = {
  KEYBATON_LOG_LEVEL: 'trace',
  KEYBATON_SEAL_PAYLOADS: 'no',
  DEBUG: '*',
  GRPC_TRACE: 'all',
  GRPC_VERBOSITY: 'DEBUG',
  RUST_LOG: 'debug',
  RUST_BACKTRACE: '1',
  TEMPORAL_PRINT_FULL_PAYLOADS: '1',
};
const tap = fileURLToPath(new URL('../demo/tap.mjs', import.meta.url));

/** Whose lines run through proxies. */
export type Lines = Readonly<Record<'ledger' | 'backend' | 'notify' | FamilyName, HoldingProxy>>;

/** A whole keybaton as in production, every part a process of its own: worker, Temporal, PostgreSQL ledger, OpenBao, providers. */
export interface World {
  readonly subjects: readonly Subject[];
  readonly families: Readonly<Record<FamilyName, WireFamily>>;
  readonly lines: Lines;
  readonly vault: Vault;
  readonly keybaton: People;
  /** Writes the two files and applies them; `soak`: how long a roll-back of a credential is possible, not at all by default. */
  apply(soak?: (label: string) => string): Promise<void>;
  kill(victim: Victim): Promise<void>;
  restart(victim: Victim): Promise<void>;
  /** Where everything of it lies; secrets that are its own in `admin`, and nowhere else. */
  readonly folder: string;
  readonly temporal: () => TemporalServer;
  readonly ledgerUrl: string;
  /** What people were told, as it arrived. */
  told(): Promise<string>;
  /** What people's commands, and processes beside the worker, are started with. */
  environment(): Readonly<Record<string, string>>;
  /** The worker writes what Node knows of it, as after a crash; resolves with the files. */
  report(): Promise<void>;
  /** Sends the worker a signal, which its `workerArgs` may have given a meaning. */
  signalWorker(signal: NodeJS.Signals): void;
  /** Resolves when the worker of this moment has ended by itself. */
  workerEnded(): Promise<Ending>;
  stopWorker(): Promise<void>;
  /** A worker that gave up while something was down is started again, as whoever supervises it would. */
  keepWorker(): Promise<void>;
}

export interface OpenWorld {
  readonly closing: (close: () => Promise<unknown> | void) => void;
  /** Everything that libraries would ever say is logged, and every value that is made is told. */
  readonly tapped?: Values;
  /** More arguments of Node for a tapped worker. */
  readonly workerArgs?: readonly string[];
  /** More variables and arguments of Temporal's dev server. */
  readonly temporalMore?: Pick<TemporalServerOptions, 'env' | 'extraArgs'>;
  /** How many credentials of each family a scenario gets; those it has in `pools` by default. */
  readonly count?: (family: FamilyName, scenario: Scenario) => number;
}

export async function openWorld({
  closing,
  tapped,
  workerArgs = [],
  temporalMore = {},
  count = (_, scenario) => pools[scenario],
}: OpenWorld): Promise<World> {
  const folder = temporaryFolder('crash-matrix');
  closing(() => folder.remove());
  const place = (name: string): string => join(folder.path, name);
  for (const name of ['home', 'admin', 'logs', 'reports']) mkdirSync(place(name), { mode: 0o700 });
  const log = (name: string): string => join(place('logs'), `${name}.log`);
  const temporalOptions = { dbFilename: place('temporal.db'), logFile: log('temporal'), ...temporalMore };
  const hook = `whsec_${randomBytes(32).toString('base64')}`;
  const started = <Part extends { stop(): Promise<unknown> }>(part: Part): Part => {
    closing(() => part.stop());
    return part;
  };

  const [first, ledger, vault, openai, roles, receiver] = await Promise.all([
    startTemporalServer(temporalOptions),
    startPostgresServer({ logFile: log('ledger') }).then(started),
    startVault(log('vault')).then(started),
    openAiWire(log('openai'), tapped).then(started),
    postgresWire().then(started),
    startScript({
      file: new URL('../../test/fakes/webhook-receiver/main.ts', import.meta.url),
      args: ['--with-parent'],
      env: { KEYBATON_FAKE_ADMIN_KEY: hook },
      logFile: log('receiver'),
    }).then(started),
  ]);
  let temporal: TemporalServer = first;
  closing(() => temporal.stop());
  const [line] = await receiver.printed(/^\{"ready":true.*\}$/m);
  const { url: receiverUrl, control: receiverControl } = JSON.parse(line) as {
    readonly url: string;
    readonly control: string;
  };
  const proxy = async (port: number): Promise<HoldingProxy> => {
    const opened = await startHoldingProxy(port);
    closing(() => opened.close());
    return opened;
  };
  const lines: Lines = {
    ledger: await proxy(ledger.port),
    backend: await proxy(vault.port),
    notify: await proxy(Number(new URL(receiverUrl).port)),
    openai: openai.proxy,
    'postgres-roles': roles.proxy,
  };
  const families = { openai, 'postgres-roles': roles };

  const subjects: Subject[] = [];
  for (const family of ['openai', 'postgres-roles'] as const)
    for (const scenario of ['scheduled', 'roll-back', 'emergency'] as const)
      for (let n = 0; n < count(family, scenario); n += 1) {
        const label = `c${String(subjects.length + 1).padStart(3, '0')}x`;
        subjects.push({ label, id: `${family}/test/${label}`, family, scenario });
        await families[family].prepare(label);
      }

  for (const { name, admin } of Object.values(families)) writeFileSync(place(`admin/${name}`), admin, { mode: 0o600 });
  for (const [what, value] of [
    ['root token of the vault', vault.token],
    ['signing key of the webhook', hook],
    ...Object.values(families).map(({ name, secret }) => [`admin secret of ${name}`, secret] as const),
  ] as const)
    tapped?.add({ what, value });
  writeFileSync(place('admin/vault'), vault.token, { mode: 0o600 });
  writeFileSync(place('admin/hook'), hook, { mode: 0o600 });
  writeFileSync(
    place('targets.yml'),
    `targets:
${subjects
  .map(
    ({ label, family }) => `  ${label}:
    provider: ${family}
    environment: test
    admin: file:${place(`admin/${family}`)}
    teams: [crash]
    settings: { ${families[family].settings(label)} }
`,
  )
  .join('')}backends:
  vault:
    kind: vault-kv
    admin: file:${place('admin/vault')}
    settings: { address: 'http://127.0.0.1:${lines.backend.port}', timeout: 15000 }
notify:
  people: { kind: webhook, url: 'http://127.0.0.1:${lines.notify.port}/hook', secret: 'file:${place('admin/hook')}' }
`,
  );

  const through = (port: number): string => ledger.adminUrl.replace(`:${ledger.port}/`, `:${port}/`);
  const environment = (ledgerPort: number): Record<string, string> => ({
    ...(tapped === undefined ? {} : talkative),
    KEYBATON_HOME: place('home'),
    KEYBATON_LEDGER: through(ledgerPort),
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    KEYBATON_SWEEP_EVERY: '1h',
  });
  // People's commands have a line of their own to the ledger: what is held is the worker's.
  const ofPeople = (): Record<string, string> => environment(ledger.port);
  const keybaton = people(ofPeople(), log('commands'));
  const ofWorker = commandLine(environment(lines.ledger.port), folder.path, log('commands'));
  let worker: Program | undefined;
  closing(() => worker?.stop());
  const startWorker = async (): Promise<void> => {
    if (tapped === undefined) worker = await ofWorker.start(['worker'], log('worker'));
    else {
      const nodeArgs = [
        // Not SIGUSR2, at which Temporal's SDK stops its workers.
        ...['--report-on-signal', '--report-signal=SIGIO', '--report-uncaught-exception', '--report-on-fatalerror'],
        ...['--report-exclude-env', `--report-directory=${place('reports')}`, '--import', tap, ...workerArgs],
      ];
      worker = await ofWorker.start(['worker'], log('worker'), { nodeArgs, pipes: 1 });
      tapped.listen('made by the worker', worker.pipes[0]);
    }
    await worker.printed(/ready: /);
  };

  function inventory(soak: (label: string) => string): string {
    const entries = subjects.map(
      ({ label, id, scenario }) => `  ${id}:
    target: ${label}
    team: crash
    groups: [${scenario}]
    schedule: { every: 90d }
    backends: [{ backend: vault, path: ai/${label} }]
    consumers: { none: nobody reads it here }
    silence: { no: nobody uses it here }
    soak: ${soak(label)}
`,
    );
    return `teams: [crash]\ncredentials:\n${entries.join('')}`;
  }

  return {
    subjects,
    families,
    lines,
    vault,
    keybaton,
    async apply(soak = () => '0s') {
      writeFileSync(place('inventory.yml'), inventory(soak));
      await keybaton.run('apply', place('inventory.yml'), '--targets', place('targets.yml'));
    },
    async kill(victim) {
      if (victim === 'worker') await worker?.kill();
      if (victim === 'temporal') await temporal.process.kill();
      if (victim === 'ledger') await ledger.kill();
      if (victim === 'backend') await vault.kill();
    },
    async restart(victim) {
      if (victim === 'worker') await startWorker();
      if (victim === 'temporal') temporal = await startTemporalServer({ ...temporalOptions, port: temporal.port });
      if (victim === 'ledger') await ledger.restart();
      if (victim === 'backend') await vault.restart();
    },
    folder: folder.path,
    temporal: () => temporal,
    ledgerUrl: ledger.adminUrl,
    told: async () => (await fetch(`${receiverControl}/bodies`)).text(),
    environment: ofPeople,
    async report() {
      worker?.signal('SIGIO');
      await poll(() => readdirSync(place('reports')).length > 0, { what: 'a report of the worker' });
    },
    signalWorker: (signal) => worker?.signal(signal),
    async workerEnded() {
      if (worker === undefined) throw new Error('no worker was started');
      return worker.ended;
    },
    async stopWorker() {
      await worker?.stop();
    },
    async keepWorker() {
      if (worker?.isRunning() !== true) await startWorker();
    },
  };
}
