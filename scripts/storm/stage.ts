import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandLine, type CommandLine } from '../demo/command-line.ts';
import { prepareDatabase, type Database } from '../demo/database.ts';
import { startModelProvider, type ModelProvider } from '../demo/model-provider.ts';
import { collectValues } from '../demo/values.ts';
import { freePort, portIsOpen } from '../servers/free-port.ts';
import { startPostgresServer } from '../servers/postgres-server.ts';
import type { Program } from '../servers/program.ts';
import { startTemporalServer } from '../servers/temporal-server.ts';
import { temporaryFolder } from '../servers/temporary-folder.ts';
import { inventoryFile, targetsFile, type Edits } from './files.ts';
import { followFile } from './follow-file.ts';
import { stormRecord, type StormRecord } from './record.ts';

/** Everything that runs, each as a process of its own. */
export interface Stage {
  readonly logs: string;
  readonly apiUrl: string;
  readonly database: Database;
  readonly models: ModelProvider;
  readonly keybaton: CommandLine;
  readonly record: StormRecord;
  readonly vault: string;
  /** The ledger's own database, to count its tables with. */
  readonly ledgerUrl: string;
  /** Those that nobody ends: what they keep is measured. */
  readonly lasting: Readonly<Record<'worker' | 'api', number>>;
  apply(edits: Edits): Promise<void>;
  /** Ends one of the workers, and starts another in its place after a while. */
  strike(signal: 'SIGKILL' | 'SIGTERM', pause: number): Promise<void>;
  /** Takes in what has been told up to now. */
  hear(): void;
}

export interface OpenStage {
  /** What must be closed, registered as soon as it is open; the last one first. */
  readonly closing: (close: () => Promise<unknown> | void) => void;
  readonly say: (text: string) => void;
  /** A fault that the workers are loaded with. */
  readonly fault: string | undefined;
}

export async function openStage({ closing, say, fault }: OpenStage): Promise<Stage> {
  const folder = temporaryFolder('storm');
  closing(() => folder.remove());
  const place = (name: string): string => join(folder.path, name);
  const [home, logs, admin] = [place('home'), place('logs'), place('admin')];
  for (const path of [home, logs, admin]) mkdirSync(path, { mode: 0o700 });
  const log = (name: string): string => join(logs, `${name}.log`);

  const [temporal, server, models] = await Promise.all([
    startTemporalServer({ dbFilename: join(home, 'temporal.db'), logFile: log('temporal') }).then((started) => {
      closing(() => started.stop());
      return started;
    }),
    startPostgresServer({ logFile: log('postgresql') }).then((started) => {
      closing(() => started.stop());
      return started;
    }),
    startModelProvider(collectValues(), log('openai')).then((started) => {
      closing(() => started.stop());
      return started;
    }),
  ]);
  const database = await prepareDatabase(server);
  for (const text of [
    'create role till nologin',
    'create role till_a nologin',
    'create role till_b nologin',
    'grant till, till_a, till_b to keybaton_admin with admin true, inherit false, set false',
    'grant select on orders to till',
  ])
    await database.sql(text);
  await database.sql('create database ledger');
  const ledgerUrl = server.adminUrl.replace(/\/postgres$/, '/ledger');
  const [databaseAdmin, openAiAdmin] = [join(admin, 'database.json'), join(admin, 'openai.txt')];
  writeFileSync(databaseAdmin, JSON.stringify(database.admin), { mode: 0o600 });
  writeFileSync(openAiAdmin, models.adminKey, { mode: 0o600 });
  const vault = join(home, 'vault.sqlite');
  const places = { databasePort: server.port, openAiUrl: models.url, databaseAdmin, openAiAdmin, vault };
  writeFileSync(place('targets.yml'), targetsFile(places));
  say('Temporal, PostgreSQL and the stand-in for OpenAI answer');

  const environment = {
    KEYBATON_HOME: home,
    KEYBATON_LEDGER: ledgerUrl,
    KEYBATON_LOG_LEVEL: 'warn',
    KEYBATON_SWEEP_EVERY: '3s',
    TEMPORAL_ADDRESS: temporal.address,
  };
  const keybaton = commandLine(environment, folder.path, log('commands'));
  const apply = async (edits: Edits): Promise<void> => {
    writeFileSync(place('inventory.yml'), inventoryFile(edits));
    await keybaton.run('apply');
  };
  await apply({ every: new Map(), extra: [], withAbsent: [] });

  const nodeArgs = fault === undefined ? [] : ['--import', fileURLToPath(new URL('load-fault.mjs', import.meta.url))];
  const env = { KEYBATON_STORM_FAULT: fault, ...environment };
  async function startWorker(name: string): Promise<Program> {
    const program = await keybaton.start(['worker'], log(name), { nodeArgs, env });
    closing(() => program.stop());
    await program.printed(/ready: /);
    return program;
  }
  const port = await freePort();
  const api = await keybaton.start(['api', '--listen', `127.0.0.1:${port}`], log('api'));
  closing(() => api.stop());
  const watch = await keybaton.start(['watch', '--json'], log('watch'));
  closing(() => watch.stop());
  const lasting = await startWorker('worker-lasting');
  let struck = await startWorker('worker-struck');
  await api.ready(() => portIsOpen(port));
  say('two workers, the API and the watching run, as processes of their own');

  const record = stormRecord();
  const following = followFile(log('watch'), (event) => record.hear(event));
  closing(() => following.stop());
  return {
    logs,
    apiUrl: `http://127.0.0.1:${port}`,
    database,
    models,
    keybaton,
    record,
    vault,
    ledgerUrl,
    lasting: { worker: lasting.pid, api: api.pid },
    apply,
    async strike(signal, pause) {
      struck.signal(signal);
      await struck.ended;
      await new Promise((done) => setTimeout(done, pause));
      struck = await startWorker('worker-struck');
    },
    hear: () => following.look(),
  };
}
