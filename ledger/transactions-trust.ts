import { sql } from 'kysely';
import { verifyChain } from './chain.ts';
import type { Ledger } from './ledger.ts';
import { project } from './project.ts';
import { projections } from './schema.ts';
import type { Db, Tables } from './schema.ts';
import type { Store } from './store.ts';

export function trustTransactions(store: Store): Pick<Ledger, 'verifyChain' | 'rebuild' | 'dump' | 'reconciled'> {
  return {
    async verifyChain() {
      return store.read((db) => verifyChain(db));
    },

    async rebuild() {
      await store.write(async ({ db }) => {
        // Writers lock a credential's row before they append: keeping them out of that table first avoids a deadlock on the head.
        if (store.dialect === 'postgres') await sql`lock table credentials in access exclusive mode`.execute(db);
        for (const table of tables) await db.deleteFrom(table).execute();
        for (let after = 0; ;) {
          const page = await db
            .selectFrom('events')
            .selectAll()
            .where('n', '>', after)
            .orderBy('n')
            .limit(1000)
            .execute();
          if (page.length === 0) return;
          await project(db, page);
          after = page.at(-1)?.n ?? after;
        }
      });
    },

    async dump() {
      return store.read(async (db) => {
        const all: Record<string, readonly unknown[]> = {};
        for (const table of tables) all[table] = await rowsOf(db, table);
        return all;
      });
    },

    async reconciled({ who }) {
      await store.write(async (transaction) => {
        const trust = await transaction.db
          .selectFrom('trust')
          .select('observe_only')
          .where('id', '=', 1)
          .executeTakeFirst();
        if (trust?.observe_only !== 1) return;
        await transaction.append({ kind: 'ledger.reconciled', actor: who, body: {} });
      });
    },
  };
}

// The keys of the list, which the compiler widens to text.
const tables = Object.keys(projections) as (keyof typeof projections)[];

async function rowsOf(db: Db, table: keyof typeof projections): Promise<readonly unknown[]> {
  const order = sql.join(projections[table].map((column) => sql.ref(column)));
  const answer = await sql<Tables[keyof Tables]>`select * from ${sql.table(table)} order by ${order}`.execute(db);
  return answer.rows;
}
