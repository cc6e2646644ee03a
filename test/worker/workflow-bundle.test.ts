import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { root } from '../../scripts/setup/places.mjs';
import { buildWorkflowBundle, workflowBundle } from '../../worker/workflow-bundle.ts';

function sourceMapOf(code: string): string {
  return Buffer.from(code.slice(code.lastIndexOf('base64,') + 'base64,'.length), 'base64').toString();
}

describe('the workflow bundle', () => {
  it('is the same bytes whenever it is built from the same sources, and names no path of this machine', async () => {
    const folder = temporaryFolder('bundle');
    const [first, second] = [join(folder.path, 'first.js'), join(folder.path, 'second.js')];
    await buildWorkflowBundle(first);
    await buildWorkflowBundle(second);
    const code = readFileSync(first, 'utf8');
    expect(readFileSync(second, 'utf8') === code).toBe(true);
    expect(code.includes(root)).toBe(false);
    expect(sourceMapOf(code).includes('"workflows/index.ts"')).toBe(true);
    expect(sourceMapOf(code).includes(root)).toBe(false);
    folder.remove();
  });

  it('is built once for one content', async () => {
    const { codePath } = await workflowBundle();
    const { mtimeMs } = statSync(codePath);
    expect(await workflowBundle()).toEqual({ codePath });
    expect(statSync(codePath).mtimeMs).toBe(mtimeMs);
  });
});
