import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import type { World } from '../crash-matrix/world.ts';
import { filesOf, placeOf, type Place } from '../demo/search-places.ts';
import { toolPath } from '../servers/tools.ts';

const exec = promisify(execFile);

/** What Temporal answers about everything it keeps: each history, the list with its search attributes and memos, the Schedules. */
export async function temporalPlaces({ temporal }: World): Promise<readonly Place[]> {
  const { address, namespace } = temporal();
  const ask = async (...args: readonly string[]): Promise<string> => {
    const more = ['--address', address, '--namespace', namespace, '--output', 'json'];
    return (await exec(toolPath('temporal'), [...args, ...more], { maxBuffer: 1e9 })).stdout;
  };
  const list = await ask('workflow', 'list', '--limit', '10000');
  // The shape of what the command prints, as far as it is looked at.
  const runs = JSON.parse(list) as readonly { readonly execution: { workflowId: string; runId: string } }[];
  const histories: Buffer[] = [];
  for (const { execution } of runs)
    histories.push(
      Buffer.from(await ask('workflow', 'show', '-w', execution.workflowId, '-r', execution.runId), 'utf8'),
    );
  const unpacked = histories.flatMap(payloadsIn);
  const schedules = await ask('schedule', 'list');
  const described = await ask('schedule', 'describe', '--schedule-id', 'sweep-inventory').catch(() => '');
  return [
    { name: 'exported histories', bytes: [...histories, ...unpacked] },
    { name: 'list of runs, search attributes and memos', bytes: [Buffer.from(list), ...payloadsIn(Buffer.from(list))] },
    { name: 'schedules', bytes: [Buffer.from(schedules), Buffer.from(described)] },
  ];
}

/** What lies in base64 in the JSON of a history is looked at as it is, too. */
function payloadsIn(history: Buffer): Buffer[] {
  return [...history.toString('utf8').matchAll(/"([A-Za-z0-9+/]{16,}={0,2})"/g)].map(([, text]) =>
    Buffer.from(text ?? '', 'base64'),
  );
}

/** Every row of every table, as PostgreSQL answers them. */
export async function ledgerPlace({ ledgerUrl }: World): Promise<Place> {
  const client = new Client({ connectionString: ledgerUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ tablename: string }>(
      "select tablename from pg_tables where schemaname = 'public'",
    );
    const bytes: Buffer[] = [];
    for (const { tablename } of rows) {
      const found = await client.query<{ row: string }>(`select t::text as row from "${tablename}" t`);
      bytes.push(Buffer.from(found.rows.map(({ row }) => row).join('\n'), 'utf8'));
    }
    return { name: 'ledger', bytes };
  } finally {
    await client.end();
  }
}

/** Files of keybaton, of Temporal, and all logs; what may hold a secret is named. */
export function filesToSearch({ folder }: World): readonly string[] {
  // The admin secrets lie where targets.yml says, and the installation key where everything is sealed with it.
  return filesOf(folder, ['installation.key']).filter((file) => !relative(folder, file).startsWith('admin/'));
}

export const filePlace = (folder: string, file: string): Place => ({ ...placeOf(file), name: relative(folder, file) });

export const installationKey = ({ folder }: World): string =>
  readFileSync(join(folder, 'home', 'installation.key'), 'utf8').trim();
