import { existsSync, readFileSync } from 'node:fs';
import { toolsFile } from '../setup/places.mjs';

export type ToolName = 'temporal' | 'temporal-test-server' | 'openbao';

interface Tool {
  readonly path?: string;
  readonly missing?: string;
}

function findTool(name: ToolName): Tool {
  if (!existsSync(toolsFile)) return { missing: 'set-up has not run: npm run setup' };
  // The cast is safe: scripts/setup/programs.mjs is the only writer of this file.
  const tool = (JSON.parse(readFileSync(toolsFile, 'utf8')) as Partial<Record<ToolName, Tool>>)[name];
  if (tool?.path !== undefined && !existsSync(tool.path)) return { missing: `${tool.path} is gone: npm run setup` };
  return tool ?? { missing: `set-up knows no ${name}: npm run setup` };
}

/** Why a program is not there, or undefined when it is. */
export function missingTool(name: ToolName): string | undefined {
  return findTool(name).missing;
}

/** @throws when set-up could not bring the program, saying why */
export function toolPath(name: ToolName): string {
  const { path, missing } = findTool(name);
  if (path === undefined) throw new Error(missing ?? `${name} is missing`);
  return path;
}
