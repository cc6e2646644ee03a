// How long a sweep takes over 100,000 credentials of which nothing is due, and how much memory. Prints one line of JSON:
//   node test/ledger/bench-sweep.ts [credentials]

import SqliteDatabase from 'better-sqlite3';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { defaultPace } from '../../domain/rotation.ts';
import { defaultLimits } from '../../domain/sweep.ts';
import { restartLost } from '../../activities/sweep/restart-lost.ts';
import { startDue } from '../../activities/sweep/start-due.ts';
import { tendAlarms } from '../../activities/sweep/tend-alarms.ts';
import type { SweepPorts } from '../../activities/sweep/ports.ts';
import { openLedger } from '../../ledger/open.ts';
import { plainEntry } from '../support/entries.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';

const count = Number(process.argv[2] ?? 100_000);
const folder = temporaryFolder('bench-sweep');
const file = `${folder.path}/ledger.sqlite`;
await (await openLedger({ url: `sqlite:${file}` })).close();
fill(file, count);

const before = process.resourceUsage().maxRSS / 1024;
const ledger = await openLedger({ url: `sqlite:${file}` });
let started = 0;
// The three phases that read the whole ledger need nothing else of their ports.
const sweep = {
  ledger,
  hooks: {},
  targets: async () => [],
  starts: { start: async () => ((started += 1), 'started' as const), running: async () => true },
  workflows: { settleDebt: async () => undefined },
} as unknown as SweepPorts;
const input = { limits: defaultLimits, pace: defaultPace };
const signal = new AbortController().signal;
const began = performance.now();
const lost = await restartLost(sweep, input, signal);
const due = await startDue(sweep, input, signal);
const alarms = await tendAlarms(sweep, input, signal);
const seconds = (performance.now() - began) / 1_000;
console.log(
  JSON.stringify({
    credentials: count,
    seconds: Math.round(seconds * 1_000) / 1_000,
    peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
    megabytesBefore: Math.round(before),
    started,
    looked: due.looked,
    runs: lost.runs,
    alarms: alarms.open + alarms.raised,
  }),
);
await ledger.close();
folder.remove();

/** Rows as the ledger would have them, written past it: making them event by event would take an hour. */
function fill(path: string, many: number): void {
  const database = new SqliteDatabase(path);
  const entryOf = (id: string): string =>
    JSON.stringify(
      plainEntry(parseCredentialId(id), 'bench', [{ backend: 'vault', path: `ai/${id}`, fields: undefined }]),
    );
  const now = Date.now();
  const credential = database.prepare(
    `insert into credentials (id, since, status, entry, target, standby, epoch, due_at, last_rotated_at, honoured_by, reopened, attempts, next_attempt_at)
     values (?, ?, 'managed', ?, ?, 0, 1, ?, ?, ?, 0, 0, null)`,
  );
  const columns = database.pragma('table_info(versions)') as readonly { name: string; notnull: number; type: string }[];
  const version = database.prepare(
    `insert into versions (${columns.map(({ name }) => name).join(', ')}) values (${columns.map(({ name }) => `@${name}`).join(', ')})`,
  );
  const epoch = database.prepare(
    `insert into epochs (credential, n, version, why, decided_at, run) values (?, 1, ?, 'due', ?, null)`,
  );
  const run = database.prepare(
    `insert into runs (run, credential, reason, started_at, ended_at, outcome) values (?, ?, 'due', ?, ?, 'rotated')`,
  );
  database.transaction(() => {
    for (let index = 0; index < many; index += 1) {
      const id = `openai/prod/app-${String(index).padStart(6, '0')}`;
      const target = `target-${index % 50}`;
      const current = `kb${String(index).padStart(30, '0')}`;
      credential.run(id, index + 1, entryOf(id), target, now + 86_400_000 + index, now, current);
      for (const [suffix, fate] of [
        ['c', 'current'],
        ['d', 'dead'],
      ] as const) {
        const row = Object.fromEntries(
          columns.map(({ name, notnull, type }) => [name, notnull === 0 ? null : type === 'text' ? '' : 0]),
        );
        const made = {
          id: suffix === 'c' ? current : `${current.slice(0, -1)}x${index}`,
          credential: id,
          ordinal: index,
          fate,
          ever_current: 1,
          issued: 1,
          target,
          created_at: now,
        };
        version.run({ ...row, ...made });
      }
      epoch.run(id, current, now);
      run.run(`run-${index}`, id, now - 1_000, now);
    }
  })();
  database.exec('analyze');
  database.close();
}
