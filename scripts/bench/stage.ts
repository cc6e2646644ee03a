import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine, type CommandLine } from '../demo/command-line.ts';
import type { Program } from '../servers/program.ts';
import { startTemporalServer, type TemporalServer } from '../servers/temporal-server.ts';
import { temporaryFolder } from '../servers/temporary-folder.ts';

/** What must be closed, the last one first. */
export interface Closing {
  add(close: () => Promise<unknown> | void): void;
  close(): Promise<void>;
}

export function closing(): Closing {
  const closers: (() => Promise<unknown> | void)[] = [];
  return {
    add: (close) => void closers.push(close),
    async close() {
      for (const one of closers.splice(0).toReversed()) {
        try {
          await one();
        } catch (error) {
          console.error(`not stopped: ${String(error)}`);
          process.exitCode = 1;
        }
      }
    },
  };
}

/** keybaton as people run it: a folder, the command line, a worker as a process of its own, Temporal's dev server. */
export interface Stage {
  readonly folder: string;
  readonly home: string;
  readonly ledgerUrl: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly temporal: TemporalServer;
  readonly keybaton: CommandLine;
  apply(targets: string, ...inventories: readonly string[]): Promise<void>;
  startWorker(): Promise<Program>;
}

export async function openStage(close: Closing, more: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const folder = temporaryFolder('bench');
  close.add(() => folder.remove());
  const home = join(folder.path, 'home');
  mkdirSync(home, { mode: 0o700 });
  const temporal = await startTemporalServer();
  close.add(() => temporal.stop());
  const environment: Readonly<Record<string, string>> = {
    KEYBATON_HOME: home,
    KEYBATON_LOG_LEVEL: 'warn',
    // Nothing starts by itself: what is measured is asked for.
    KEYBATON_SWEEP_EVERY: 'off',
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    BENCH_ADMIN: 'admin',
    ...more,
  };
  const keybaton = commandLine(environment, folder.path, join(folder.path, 'commands.log'));
  return {
    folder: folder.path,
    home,
    ledgerUrl: environment['KEYBATON_LEDGER'] ?? `sqlite:${join(home, 'ledger.sqlite')}`,
    environment,
    temporal,
    keybaton,
    async apply(targets, ...inventories) {
      writeFileSync(join(folder.path, 'targets.yml'), targets);
      for (const inventory of inventories) {
        writeFileSync(join(folder.path, 'inventory.yml'), inventory);
        // What it prints of ten thousand entries is longer than what is kept of it: its exit code is enough.
        const applying = await keybaton.start(['apply'], join(folder.path, 'apply.log'));
        const { code } = await applying.ended;
        if (code !== 0) throw new Error(`keybaton apply ended with ${String(code)}:\n${applying.output()}`);
      }
    },
    async startWorker() {
      const worker = await keybaton.start(['worker'], join(folder.path, 'worker.log'));
      close.add(() => worker.stop());
      await worker.printed(/ready: /);
      return worker;
    },
  };
}
