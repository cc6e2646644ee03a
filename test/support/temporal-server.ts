export { startTemporalServer } from '../../scripts/servers/temporal-server.ts';
export type { TemporalServer, TemporalServerOptions } from '../../scripts/servers/temporal-server.ts';
