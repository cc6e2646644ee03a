import { existsSync, readFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { debianServers } from '../setup/debian.mjs';
import { toolsFile } from '../setup/places.mjs';

export type DebianServer = keyof typeof debianServers;
export type ToolName = 'temporal' | 'temporal-test-server' | 'openbao' | DebianServer;

interface Tool {
  readonly path?: string;
  /** Where packages were unpacked; absent when the system has the program. */
  readonly root?: string;
  readonly libraries?: readonly string[];
  readonly missing?: string;
}

/** Servers of Debian are brought for the slow tests only. */
function commandFor(name: ToolName): string {
  return name in debianServers ? 'node scripts/setup.mjs --servers' : 'npm run setup';
}

function findTool(name: ToolName): Tool {
  if (!existsSync(toolsFile)) return { missing: `set-up has not run: ${commandFor(name)}` };
  // The cast is safe: scripts/setup/programs.mjs is the only writer of this file.
  const tool = (JSON.parse(readFileSync(toolsFile, 'utf8')) as Partial<Record<ToolName, Tool>>)[name];
  if (tool?.path !== undefined && !existsSync(tool.path))
    return { missing: `${tool.path} is gone: ${commandFor(name)}` };
  return tool ?? { missing: `set-up knows no ${name}: ${commandFor(name)}` };
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

/** A server out of a Debian package: its executable, the folder that stands for `/`, and what its environment needs. */
export function debianServer(name: DebianServer): {
  readonly path: string;
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
} {
  const path = toolPath(name);
  const { root = '/', libraries = [] } = findTool(name);
  return { path, root, env: libraries.length === 0 ? {} : { LD_LIBRARY_PATH: libraries.join(delimiter) } };
}
