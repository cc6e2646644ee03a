import { existsSync, readdirSync, readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { Client } from 'pg';
import type { Sample } from './trend.ts';
import type { TableSeen } from './verdict.ts';

export interface Samples {
  /** Bytes, by process. */
  readonly memory: Readonly<Record<string, readonly Sample[]>>;
  readonly handles: Readonly<Record<string, readonly Sample[]>>;
  tables(): readonly TableSeen[];
  /** Looks once more at the tables, and ends. */
  end(): Promise<void>;
}

/**
 * What the ledger keeps for ever: its events, those projections that are lists of what happened, and the reports of
 * incidents as they were written (`sweep_notes`). The others hold what is now, and may not grow with what has been.
 */
const ofLedger = new Set(
  'events credentials versions refs intents copies epochs demands instances evidence waivers requests runs alarms incidents incident_versions names sweep_notes'.split(
    ' ',
  ),
);

const everyMemory = 1_000;
const everyTables = 5_000;

/** Watches processes from outside, and counts the rows of every table in the ledger's database and in the vault. */
export async function takeSamples(options: {
  readonly processes: Readonly<Record<string, number>>;
  readonly ledgerUrl: string;
  readonly vault: string;
  /** Rotations that have ended by now. */
  readonly ended: () => number;
}): Promise<Samples> {
  const began = performance.now();
  const at = (): number => Math.round(performance.now() - began);
  const names = Object.keys(options.processes);
  const memory: Record<string, Sample[]> = Object.fromEntries(names.map((name) => [name, []]));
  const handles: Record<string, Sample[]> = Object.fromEntries(names.map((name) => [name, []]));
  const rows: { at: number; ended: number; counts: ReadonlyMap<string, number> }[] = [];
  const ledger = new Client({ connectionString: options.ledgerUrl });
  ledger.on('error', () => undefined);
  await ledger.connect();

  function lookAtProcesses(): void {
    for (const [name, pid] of Object.entries(options.processes)) {
      if (!existsSync(`/proc/${pid}/status`)) continue;
      const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      if (resident !== undefined) memory[name]?.push({ at: at(), value: Number(resident) * 1_024 });
      handles[name]?.push({ at: at(), value: readdirSync(`/proc/${pid}/fd`).length });
    }
  }

  async function lookAtTables(): Promise<void> {
    const counts = new Map<string, number>();
    const tables = await ledger.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'public' order by 1`,
    );
    for (const { name } of tables.rows) {
      const answer = await ledger.query<{ many: string }>(`select count(*) as many from "${name}"`);
      counts.set(name, Number(answer.rows[0]?.many ?? 0));
    }
    const vault = new Database(options.vault, { readonly: true, timeout: 5_000 });
    try {
      for (const name of ['staged', 'main']) {
        // Of a version that was erased the vault keeps a line without material. One column is selected.
        const row = vault.prepare(`select count(*) as many from ${name} where sealed is not null`).get() as {
          many: number;
        };
        counts.set(`vault.${name}`, row.many);
      }
    } finally {
      vault.close();
    }
    rows.push({ at: at(), ended: options.ended(), counts });
  }

  let looking = lookAtTables();
  const timers = [
    setInterval(lookAtProcesses, everyMemory),
    setInterval(() => {
      looking = looking.then(lookAtTables);
      // Told by whoever waits for the end.
      looking.catch(() => undefined);
    }, everyTables),
  ];
  return {
    memory,
    handles,
    tables() {
      const last = rows.at(-1);
      if (last === undefined) return [];
      const first = rows.find((one) => one.at >= last.at / 3) ?? last;
      return [...last.counts].map(([table, many]) => ({
        table,
        first: first.counts.get(table) ?? 0,
        last: many,
        rotations: last.ended - first.ended,
        ofLedger: ofLedger.has(table),
      }));
    },
    async end() {
      for (const timer of timers) clearInterval(timer);
      await looking;
      await lookAtTables();
      await ledger.end();
    },
  };
}
