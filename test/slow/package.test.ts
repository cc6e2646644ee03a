import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../scripts/setup/places.mjs';
import { installPacked } from '../support/packed.ts';
import type { PackedInstall } from '../support/packed.ts';

describe('the packed package, in an empty folder', () => {
  let packed: PackedInstall;
  beforeAll(() => (packed = installPacked()), 5 * 60_000);
  afterAll(() => packed.remove());

  function node(args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(packed.node, args, { cwd: packed.folder, encoding: 'utf8' });
  }

  it('holds what is compiled, and no tests, scripts or sources', () => {
    expect(packed.files).toEqual(
      expect.arrayContaining(['LICENSE', 'package.json', 'bin/keybaton.js', 'dist/workflows/bundle.js']),
    );
    const strangers = packed.files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'));
    expect(strangers).toEqual([]);
    expect(packed.files.filter((file) => /^(test|scripts|eslint|\.servers|consumer)\//.test(file))).toEqual([]);
  });

  it('names no path of the machine that packed it', () => {
    const named = packed.files.filter(
      (file) => !file.endsWith('/') && readFileSync(join(packed.packageFolder, file), 'utf8').includes(`${root}/`),
    );
    expect(named).toEqual([]);
  });

  it('answers its version on the oldest Node', () => {
    expect(node(['--version']).stdout.trim()).toBe('v22.18.0');
    const { status, stdout, stderr } = node([packed.command, '--version']);
    expect([status, stderr, stdout]).toEqual([0, '', expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
  });

  it('uses the workflow bundle that was built with it', () => {
    const module = join(packed.packageFolder, 'dist', 'worker', 'workflow-bundle.js');
    const program = `import(${JSON.stringify(module)}).then(async (m) => console.log((await m.workflowBundle()).codePath))`;
    const { stdout, stderr } = node(['--eval', program]);
    expect([stderr, stdout.trim()]).toEqual(['', join(packed.packageFolder, 'dist', 'workflows', 'bundle.js')]);
  });

  it.each(['adapter', 'conformance'])('gives authors of adapters @keybaton/keybaton/%s', (name) => {
    const program = `import('@keybaton/keybaton/${name}').then((m) => console.log(Object.keys(m).length > 0))`;
    const { stdout, stderr } = node(['--input-type=module', '--eval', program]);
    expect([stderr, stdout.trim()]).toEqual(['', 'true']);
  });
});
