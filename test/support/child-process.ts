export { startScript } from '../../scripts/servers/child-process.ts';
export type { ScriptCommand } from '../../scripts/servers/child-process.ts';
