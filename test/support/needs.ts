import { beforeEach } from 'vitest';
import { missingTool } from '../../scripts/servers/tools.ts';
import type { ToolName } from '../../scripts/servers/tools.ts';

/**
 * Skips every test of the file or `describe` it stands in, with the reason, when set-up could not bring a program.
 * @returns whether it is there, for `beforeAll`, which cannot skip
 */
export function needs(tool: ToolName): boolean {
  const missing = missingTool(tool);
  if (missing !== undefined) beforeEach(({ skip }) => skip(missing));
  return missing === undefined;
}
