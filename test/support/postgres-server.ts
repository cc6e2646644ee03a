export { startPostgresServer } from '../../scripts/servers/postgres-server.ts';
export type { PostgresServer, PostgresServerOptions } from '../../scripts/servers/postgres-server.ts';
