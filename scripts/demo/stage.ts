import { writeFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { freePort, portIsOpen } from '../servers/free-port.ts';
import { startPostgresServer } from '../servers/postgres-server.ts';
import type { Program } from '../servers/program.ts';
import { startTemporalServer } from '../servers/temporal-server.ts';
import type { TemporalServer } from '../servers/temporal-server.ts';
import { temporaryFolder } from '../servers/temporary-folder.ts';
import { startAnswerHoldingProxy } from './answer-holding-proxy.ts';
import type { AnswerHoldingProxy } from './answer-holding-proxy.ts';
import { commandLine } from './command-line.ts';
import type { CommandLine } from './command-line.ts';
import { prepareDatabase } from './database.ts';
import type { Database } from './database.ts';
import { followEvents } from './events.ts';
import type { Events, Told } from './events.ts';
import { inventoryFile, inventoryWithJobs, targetsFile } from './files.ts';
import { startModelProvider } from './model-provider.ts';
import type { ModelProvider } from './model-provider.ts';
import { collectValues } from './values.ts';
import type { Values } from './values.ts';

/** What values are called that the worker's own generator made. */
export const madeByWorker = 'made by the worker';

/** Everything that runs, each as a process of its own, and the driver's way to it. */
export interface Stage {
  /** keybaton's own folder: ledger, vault, kill sheet, access log, and Temporal's database. */
  readonly home: string;
  /** What every process printed. */
  readonly logs: string;
  readonly apiUrl: string;
  readonly temporal: TemporalServer;
  readonly database: Database;
  readonly proxy: AnswerHoldingProxy;
  readonly models: ModelProvider;
  readonly keybaton: CommandLine;
  readonly events: Events;
  readonly values: Values;
  /** A control value that lies in clear in the vault, the ledger and the kill sheet. */
  readonly pathControl: string;
  /** Applies the inventory with the jobs in it. */
  readonly applyJobs: (everyOf: (id: string) => string) => Promise<void>;
  readonly startWorker: () => Promise<void>;
  readonly killWorker: () => Promise<void>;
  /** Ends worker, API and the watching, as a person would: what they print last is in the logs then. */
  readonly stopKeybaton: () => Promise<unknown>;
}

export interface OpenStage {
  readonly heard: (event: Told) => void;
  readonly say: (text: string) => void;
  /** What is searched later has nothing of this. */
  readonly sayUnsaved: (text: string) => void;
  /** Told where the logs lie, before anything is started. */
  readonly logsAt: (folder: string) => void;
  /** What must be closed, registered as soon as it is open; the last one first. */
  readonly closing: (close: () => Promise<unknown> | void) => void;
}

export async function openStage({ heard, say, sayUnsaved, closing, logsAt }: OpenStage): Promise<Stage> {
  const folder = temporaryFolder('demo');
  closing(() => folder.remove());
  const place = (name: string): string => join(folder.path, name);
  const [home, logs, admin] = [place('home'), place('logs'), place('admin')];
  for (const path of [home, logs, admin]) mkdirSync(path, { mode: 0o700 });
  logsAt(logs);
  const log = (name: string): string => join(logs, `${name}.log`);
  const values = collectValues();

  const [temporal, server, models] = await Promise.all([
    startTemporalServer({ dbFilename: join(home, 'temporal.db'), logFile: log('temporal') }).then((started) => {
      closing(() => started.stop());
      return started;
    }),
    startPostgresServer({ logFile: log('postgresql'), settings: { log_statement: 'all' } }).then((started) => {
      closing(() => started.stop());
      return started;
    }),
    startModelProvider(values, log('openai')).then((started) => {
      closing(() => started.stop());
      return started;
    }),
  ]);
  say('Temporal, PostgreSQL and the stand-in for OpenAI answer');
  const database = await prepareDatabase(server);
  const proxy = await startAnswerHoldingProxy(server.port);
  closing(() => proxy.close());
  values.add({ what: 'password of the database administrator', value: database.admin.password });
  values.add({ what: 'admin key of OpenAI', value: models.adminKey });

  const databaseAdmin = join(admin, 'database.json');
  const openAiAdmin = join(admin, 'openai.txt');
  writeFileSync(databaseAdmin, JSON.stringify(database.admin), { mode: 0o600 });
  writeFileSync(openAiAdmin, models.adminKey, { mode: 0o600 });
  const pathControl = randomBytes(24).toString('hex');
  const places = {
    proxyPort: proxy.port,
    openAiUrl: models.url,
    databaseAdmin,
    openAiAdmin,
    vault: join(home, 'vault.sqlite'),
    pathControl,
  };
  writeFileSync(place('targets.yml'), targetsFile(places));
  writeFileSync(place('inventory.yml'), inventoryFile(places));

  // Unsealed: the search must meet what Temporal is given as it is.
  const environment = { KEYBATON_HOME: home, TEMPORAL_ADDRESS: temporal.address, KEYBATON_SEAL_PAYLOADS: 'no' };
  const keybaton = commandLine(environment, folder.path, log('commands'));
  await keybaton.run('apply');
  say('keybaton apply: two credentials, four consumers');

  let worker: Program | undefined;
  const tap = fileURLToPath(new URL('tap.mjs', import.meta.url));
  const startWorker = async (): Promise<void> => {
    worker = await keybaton.start(['worker'], log('worker'), { nodeArgs: ['--import', tap], pipes: 1 });
    values.listen(madeByWorker, worker.pipes[0]);
    await worker.printed(/ready: /);
  };
  closing(() => worker?.stop());
  // The shape of what the command prints.
  const { token } = (await keybaton.run('access', 'new', '--lifetime', '1h')) as { readonly token: string };
  values.add({ what: 'token of the page', value: token });
  const port = await freePort();
  const api = await keybaton.start(['api', '--listen', `127.0.0.1:${port}`], log('api'));
  closing(() => api.stop());
  const watch = await keybaton.start(['watch', '--json'], log('watch'));
  closing(() => watch.stop());
  await Promise.all([startWorker(), api.ready(() => portIsOpen(port))]);
  say('keybaton worker and keybaton api run, as processes of their own');
  sayUnsaved(`watch it all at http://127.0.0.1:${port}/ while the demo runs: sign in with ${token}`);

  return {
    home,
    logs,
    apiUrl: `http://127.0.0.1:${port}`,
    temporal,
    database,
    proxy,
    models,
    keybaton,
    events: followEvents(watch, heard),
    values,
    pathControl,
    async applyJobs(everyOf) {
      writeFileSync(place('inventory.yml'), inventoryWithJobs(places, everyOf));
      await keybaton.run('apply');
    },
    startWorker,
    async killWorker() {
      await worker?.kill();
    },
    stopKeybaton: () => Promise.all([worker?.stop(), api.stop(), watch.stop()]),
  };
}
