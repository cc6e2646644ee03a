import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openLedger } from '../../ledger/open.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { IncidentView } from '../../control/operations/incident-show.ts';
import { startScript } from '../../scripts/servers/child-process.ts';
import type { Program } from '../../scripts/servers/program.ts';
import { startTemporalServer, type TemporalServer } from '../../scripts/servers/temporal-server.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { findNode24, root } from '../../scripts/setup/places.mjs';
import { installationKey, type InstallationKey } from '../../worker/installation-key.ts';

const command = join(root, 'bin', 'keybaton.js');

export interface Typed {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** keybaton as people run it: its own folder, the command line and the worker as processes of their own, a dev server. */
export interface Installation {
  readonly folder: string;
  readonly home: string;
  readonly key: InstallationKey;
  readonly environment: Readonly<Record<string, string>>;
  readonly temporal: TemporalServer;
  /** A second connection, to look with: what is made ready and judged here happens in this process. */
  readonly ledger: Ledger;
  /** One command line. Never throws for an exit code. */
  type(line: readonly string[], more?: Readonly<Record<string, string>>): Promise<Typed>;
  /** Names of the incidents that were declared, newest first. */
  incidents(): Promise<readonly string[]>;
  show(incident: string): Promise<IncidentView>;
  startWorker(more?: Readonly<Record<string, string>>): Promise<Program>;
  close(): Promise<void>;
}

export interface OpenInstallation {
  readonly targets: (folder: string) => string;
  readonly inventory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Done before the two files are applied by the command: what happened before this test began. */
  readonly before?: (at: Pick<Installation, 'folder' | 'home' | 'key' | 'environment'>) => Promise<void>;
}

export async function openInstallation(options: OpenInstallation): Promise<Installation> {
  const folder = temporaryFolder('installation');
  const home = join(folder.path, 'home');
  mkdirSync(home, { mode: 0o700 });
  const keyBytes = randomBytes(32);
  const temporal = await startTemporalServer();
  const workers = new Set<Program>();
  const environment: Record<string, string> = {
    ...options.environment,
    KEYBATON_HOME: home,
    KEYBATON_INSTALLATION_KEY: keyBytes.toString('base64'),
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    // What happens here is asked for by the test alone.
    KEYBATON_SWEEP_EVERY: 'off',
    KEYBATON_LOG_LEVEL: 'warn',
  };
  writeFileSync(join(folder.path, 'targets.yml'), options.targets(folder.path));
  writeFileSync(join(folder.path, 'inventory.yml'), options.inventory);

  const type = (line: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<Typed> =>
    new Promise((resolve) => {
      const child = execFile(
        findNode24() ?? process.execPath,
        [command, ...line],
        { cwd: folder.path, env: { ...process.env, ...environment, ...more }, maxBuffer: 1e8, timeout: 170_000 },
        (_error, stdout, stderr) => resolve({ exit: child.exitCode, stdout, stderr }),
      );
    });
  const answered = async (line: readonly string[]): Promise<unknown> => {
    const { stdout, stderr } = await type([...line, '--json']);
    if (stdout === '') throw new Error(`keybaton ${line.join(' ')} answered nothing: ${stderr}`);
    return JSON.parse(stdout);
  };

  await options.before?.({ folder: folder.path, home, key: installationKey(keyBytes), environment });
  const applied = await type(['apply']);
  if (applied.exit !== 0) throw new Error(`apply: ${applied.stdout}${applied.stderr}`);
  const ledger = await openLedger({
    url: options.environment['KEYBATON_LEDGER'] ?? `sqlite:${join(home, 'ledger.sqlite')}`,
    killSheet: join(home, 'kill-sheet.json'),
  });

  return {
    folder: folder.path,
    home,
    key: installationKey(keyBytes),
    environment,
    temporal,
    ledger,
    type,
    async incidents() {
      // The command answers the list under this name.
      const { incidents } = (await answered(['incident', 'list'])) as { incidents: readonly { incident: string }[] };
      return incidents.map(({ incident }) => incident);
    },
    // The command answers the view as it is.
    show: async (incident) => (await answered(['incident', 'show', incident])) as IncidentView,
    async startWorker(more = {}) {
      const worker = await startScript({
        file: command,
        args: ['worker'],
        cwd: folder.path,
        env: { ...environment, ...more },
      });
      workers.add(worker);
      await worker.printed(/ready: /);
      return worker;
    },
    async close() {
      for (const worker of workers) await worker.stop();
      await ledger.close();
      await temporal.stop();
      folder.remove();
    },
  };
}
