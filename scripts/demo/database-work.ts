import { Pool } from 'pg';
import type { ConsumerOrders, Counts, Work } from './consumer.ts';

type DatabaseOrders = Extract<ConsumerOrders['work'], { readonly kind: 'database' }>;

/** Queries of a pool, as any application makes them; a connection is used ten times and then replaced. */
export function databaseWork({ port, database, query }: DatabaseOrders, counts: Counts): Work {
  const pools = new Map<string, Pool>();

  function poolOf({ username = '', password = '' }: Readonly<Record<string, string>>): Pool {
    const key = JSON.stringify([username, password]);
    const known = pools.get(key);
    if (known !== undefined) return known;
    const pool = new Pool({
      host: '127.0.0.1',
      port,
      database,
      user: username,
      password,
      max: 2,
      maxUses: 10,
      // A login that is no longer used loses its last connection by this.
      idleTimeoutMillis: 300,
      connectionTimeoutMillis: 10_000,
    });
    pool.on('connect', () => (counts.newConnections += 1));
    // A connection that is ended while nobody uses it is not our query's trouble.
    pool.on('error', () => undefined);
    pools.set(key, pool);
    return pool;
  }

  return {
    async run(fields) {
      await poolOf(fields).query(query);
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.end()));
    },
  };
}
