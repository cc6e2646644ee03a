import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { emptyState } from './world.ts';
import type { World, WorldState } from './world.ts';

/**
 * A world that several processes share and that survives their SIGKILL: one row in a SQLite file. Its transaction is
 * the lock, so a process killed in the middle leaves neither half a change nor a lock behind.
 */
export function sharedWorld(folder: string): World & { close(): void } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = new Database(join(folder, 'world.db'), { timeout: 10_000 });
  // A killed process loses nothing by this; only a machine that goes down does.
  file.pragma('synchronous = off');
  file.exec('create table if not exists world (only integer primary key check (only = 1), state text not null)');
  const read = file.prepare<[], { state: string }>('select state from world');
  const write = file.prepare('insert into world values (1, ?) on conflict do update set state = excluded.state');

  function change<Answer>(act: (state: WorldState) => Answer): Answer {
    return file
      .transaction(() => {
        const row = read.get();
        // Nobody but this function writes the row.
        const state = row === undefined ? emptyState() : (JSON.parse(row.state) as WorldState);
        const answer = act(state);
        const after = JSON.stringify(state);
        if (after !== row?.state) write.run(after);
        return answer;
      })
      .immediate();
  }

  return { change, close: () => file.close() };
}
