import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../ledger/migrations.ts';
import { openLedger } from '../../ledger/open.ts';
import { openPostgres } from '../../ledger/postgres.ts';
import { openSqlite } from '../../ledger/sqlite.ts';
import type { OpenDatabase } from '../../ledger/sqlite.ts';
import { bot, entry, minutes, search } from './fixtures.ts';
import { filePath, postgresPlace, sqlitePlace } from './places.ts';
import type { Place } from './places.ts';
import { expectSound, scenarioOn } from './scenario.ts';

const open = (place: Place, url: string): Promise<OpenDatabase> =>
  place.dialect === 'sqlite' ? openSqlite(filePath(url)) : Promise.resolve(openPostgres(url));

/** Tables of this ledger's first version, with what a later one holds of them. */
async function asFirstVersion(place: Place, from: string, to: string): Promise<void> {
  const [source, target] = [await open(place, from), await open(place, to)];
  try {
    await target.db.connection().execute((connection) => migrate(connection, place.dialect, 1));
    const schema =
      place.dialect === 'postgres'
        ? (await sql<{ name: string }>`select current_schema() as name`.execute(target.db)).rows[0]?.name
        : undefined;
    const tables = (await target.db.introspection.getTables()).filter((table) => table.schema === schema);
    for (const { name, columns } of tables) {
      const known = sql.join(columns.map((column) => sql.ref(column.name)));
      const { rows } = await sql<Record<string, unknown>>`select ${known} from ${sql.table(name)}`.execute(source.db);
      const kept = name === 'meta' ? rows.filter((row) => row.key !== 'schema') : rows;
      if (name === 'chain') await sql`delete from chain`.execute(target.db);
      for (const row of kept) {
        const values = sql.join(columns.map((column) => sql`${row[column.name]}`));
        await sql`insert into ${sql.table(name)} (${known}) values (${values})`.execute(target.db);
      }
    }
  } finally {
    await source.db.destroy();
    await target.db.destroy();
  }
}

for (const place of [sqlitePlace(), postgresPlace()]) {
  describe(`a ledger of the first version on ${place.dialect}`, () => {
    beforeAll(() => place.start());
    afterAll(() => place.stop());

    it('becomes what its events make of it now', async () => {
      const [later, first] = [await place.fresh(), await place.fresh()];
      let time = Date.UTC(2026, 0, 1);
      const clock = () => time;
      const ledger = await openLedger({ url: later, clock });
      const { apply, rotate, issue } = scenarioOn(ledger, later, place, clock, (by) => (time += by));
      await apply(entry(bot, { standby: true }), entry(search, { apartFrom: [bot] }));
      const [dead, alive, spare] = [await rotate(), await rotate(), await issue(bot, 'standby')];
      await ledger.alarm({ credential: bot, key: 'held/2', text: 'it is held', page: false });
      time += minutes(1);
      await ledger.declareIncident({ incident: 'one', versions: [dead, spare], who: 'os:ada', why: 'leaked' });
      await ledger.declareIncident({ incident: 'two', versions: [alive, dead], who: 'os:ada', why: 'leaked' });
      time += minutes(1);
      await ledger.dead({ version: dead, grade: 'refused' });
      await ledger.closeIncident({ incident: 'two', who: 'os:ada' });
      await ledger.close();

      await asFirstVersion(place, later, first);
      const migrated = await openLedger({ url: first, clock });
      await expectSound(migrated);
      const [one, two] = [await migrated.incident('one'), await migrated.incident('two')];
      expect(one).toMatchObject({ keys: 2, contained: 1, dead: 1, closedBy: undefined });
      expect(two).toMatchObject({ keys: 2, dead: 1, closedAt: time, closedBy: 'os:ada' });
      const { versions } = await migrated.facts(bot);
      expect(versions.map((version) => version.compromisedAt)).toEqual(versions.map(() => time - minutes(1)));
      await migrated.close();
    });
  });
}
