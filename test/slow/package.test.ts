import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../scripts/setup/places.mjs';
import { installPacked } from '../support/packed.ts';
import type { PackedInstall } from '../support/packed.ts';
import { runToEnd } from '../support/run-to-end.ts';

describe('the packed package, in an empty folder', () => {
  let packed: PackedInstall;
  beforeAll(async () => {
    packed = await installPacked();
  }, 10 * 60_000);
  afterAll(() => packed.remove());

  const node = (args: readonly string[]) => runToEnd(packed.node, args, { cwd: packed.folder, within: 25_000 });

  it('holds what is compiled, and no tests, scripts or sources', async () => {
    expect(packed.files).toEqual(
      expect.arrayContaining(['LICENSE', 'package.json', 'bin/keybaton.js', 'dist/workflows/bundle.js']),
    );
    const strangers = packed.files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'));
    expect(strangers).toEqual([]);
    expect(packed.files.filter((file) => /^(test|scripts|eslint|\.servers|consumer)\//.test(file))).toEqual([]);
  });

  it('names no path of the machine that packed it', async () => {
    const named = packed.files.filter(
      (file) => !file.endsWith('/') && readFileSync(join(packed.packageFolder, file), 'utf8').includes(`${root}/`),
    );
    expect(named).toEqual([]);
  });

  it('answers its version on the oldest Node', async () => {
    expect((await node(['--version'])).stdout.trim()).toBe('v22.18.0');
    const { status, stdout, stderr } = await node([packed.command, '--version']);
    expect([status, stderr, stdout]).toEqual([0, '', expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
  });

  it('uses the workflow bundle that was built with it', async () => {
    const module = join(packed.packageFolder, 'dist', 'worker', 'workflow-bundle.js');
    const program = `import(${JSON.stringify(module)}).then(async (m) => console.log((await m.workflowBundle()).codePath))`;
    const { stdout, stderr } = await node(['--eval', program]);
    expect([stderr, stdout.trim()]).toEqual(['', join(packed.packageFolder, 'dist', 'workflows', 'bundle.js')]);
  });

  it('brings the thief of a drill, which uses what it is handed and ends with its pipe', async () => {
    const order = {
      ...{
        provider: 'in-memory',
        target: 'memory',
        environment: 'test',
        installation: 'abcd1234',
        settings: {},
        every: 10,
      },
      material: { fields: { api_key: 'nobody-knows-it' }, value: 'api_key' },
    };
    const thief = join(packed.packageFolder, 'dist', 'worker', 'drill-thief.js');
    const program = `const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, [${JSON.stringify(thief)}], { stdio: ['pipe', 'pipe', 'inherit'] });
      child.stdin.write(${JSON.stringify(`${JSON.stringify(order)}\n`)});
      child.stdout.once('data', (line) => { console.log(String(line)); child.stdin.end(); });
      child.once('close', (code) => console.log('ended', code));`;
    const { stdout, stderr } = await node(['--eval', program]);
    expect([stderr, stdout]).toEqual(['', expect.stringMatching(/"answer":"refused"[^]*ended 0/)]);
  });

  it('brings what its pages load, all of it', async () => {
    const module = join(packed.packageFolder, 'dist', 'control', 'web', 'assets.js');
    const program = `import(${JSON.stringify(module)}).then((m) => m.assetRoutes({ get: (path) => console.log(path) }))`;
    const { stdout, stderr } = await node(['--input-type=module', '--eval', program]);
    const names = ['style.css', 'page.js', 'marks.svg', 'icon.svg', 'htmx.min.js'];
    expect([stderr, stdout.trim().split('\n')]).toEqual(['', names.map((name) => `/assets/${name}`)]);
  });

  it.each(['adapter', 'conformance'])('gives authors of adapters @keybaton/keybaton/%s', async (name) => {
    const program = `import('@keybaton/keybaton/${name}').then((m) => console.log(Object.keys(m).length > 0))`;
    const { stdout, stderr } = await node(['--input-type=module', '--eval', program]);
    expect([stderr, stdout.trim()]).toEqual(['', 'true']);
  });
});
