import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { beginProvider } from '../../../control/cli/provider-template.ts';
import { errorTable } from '../../../domain/errors.ts';
import { missingHeadings } from '../../../scripts/check/page-problems.ts';
import { loadConfig } from '../../../worker/load-config.ts';
import { providerTesting } from '../../../worker/provider-test.ts';
import { openBench } from '../bench.ts';
import type { Bench } from '../bench.ts';

const root = join(import.meta.dirname, '..', '..', '..');
let bench: Bench;
let folder: string;

beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keybaton-new-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** What an author has after `npm install`, but with this checkout for the package. */
async function withPackages(): Promise<void> {
  const modules = join(folder, 'node_modules');
  const ours = join(modules, '@keybaton', 'keybaton');
  await mkdir(ours, { recursive: true });
  const exports = { './adapter': './adapter.ts', './conformance': './conformance.ts' };
  await writeFile(join(ours, 'package.json'), JSON.stringify({ name: '@keybaton/keybaton', type: 'module', exports }));
  await symlink(join(root, 'adapter.ts'), join(ours, 'adapter.ts'));
  await symlink(join(root, 'conformance', 'index.ts'), join(ours, 'conformance.ts'));
  await symlink(join(root, 'node_modules', 'zod'), join(modules, 'zod'));
}

function nodeTest(file: string) {
  const { VITEST: _, NODE_OPTIONS: __, NODE_TEST_CONTEXT: ___, ...env } = process.env;
  const ran = spawnSync(process.execPath, ['--test', '--test-reporter=tap', file], {
    cwd: folder,
    encoding: 'utf8',
    env,
  });
  return { ...ran, count: (what: string) => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(ran.stdout)?.[1]) };
}

describe('keybaton provider new', () => {
  test('writes an adapter that passes the kit as it stands, and is loaded by its configuration', async () => {
    await withPackages();
    const out = join(folder, 'adapters');
    const answer = await bench.json(['provider', 'new', 'my-vendor', '--out', out]);
    const files = ['my-vendor.mts', 'my-vendor.test.mts', 'my-vendor.md', 'keybaton.config.mts'];
    expect(answer).toEqual({ provider: 'my-vendor', folder: out, files, add: null });

    const ran = nodeTest(join(out, 'my-vendor.test.mts'));
    expect([ran.status, ran.count('fail'), ran.count('skipped'), ran.stderr]).toEqual([0, 0, 0, '']);
    expect(ran.count('pass')).toBeGreaterThan(20);

    const { providers } = await loadConfig(join(out, 'keybaton.config.mts'));
    expect(providers['my-vendor']?.()).toMatchObject({ name: 'my-vendor', contract: 1 });
  });

  test('whose adapter is broken fails its kit', async () => {
    await withPackages();
    await beginProvider('acme', folder);
    const adapter = await readFile(join(folder, 'acme.mts'), 'utf8');
    const revoking = 'await (await vendorFor(target)).remove(ref.id, call);';
    expect(adapter).toContain(revoking);
    await writeFile(join(folder, 'acme.mts'), adapter.replace(revoking, 'await vendorFor(target);'));
    const ran = nodeTest('acme.test.mts');
    expect([ran.status, ran.count('fail') > 0]).toEqual([1, true]);
    expect(ran.stdout).toContain('a revoked version is refused and no longer listed as live');
  });

  test('writes a page with the headings of every page, and leaves no placeholder in any file', async () => {
    const { files } = await beginProvider('acme2-ai-3d', folder);
    const page = await readFile(join(folder, 'acme2-ai-3d.md'), 'utf8');
    const headings = [
      'Needs',
      'Permissions',
      'Overlap',
      'What revoke means and how fast',
      'Limits',
      'What it cannot do',
    ];
    expect(
      missingHeadings(
        page,
        headings.map((heading) => [heading]),
      ),
    ).toEqual([]);
    for (const file of files) expect(await readFile(join(folder, file), 'utf8')).not.toMatch(/acme.?vendor/i);
    expect(await readFile(join(folder, 'acme2-ai-3d.mts'), 'utf8')).toContain('function acme2Ai3dProvider()');
  });

  test('leaves a configuration that is there as it is, and says which lines it needs', async () => {
    await writeFile(join(folder, 'keybaton.config.mts'), 'export default {};\n');
    const { exit, stdout } = await bench.run(['provider', 'new', 'acme-ai', '--out', folder]);
    expect(exit).toBe(0);
    expect(stdout).toContain("import { acmeAiProvider } from './acme-ai.mts';");
    expect(stdout).toContain("'acme-ai': () => acmeAiProvider(),");
    expect(await readFile(join(folder, 'keybaton.config.mts'), 'utf8')).toBe('export default {};\n');
  });

  test.each(['acme.mts', 'acme.test.mts', 'acme.md'])('writes nothing when %s is there', async (file) => {
    await writeFile(join(folder, file), 'mine');
    const { exit, stdout, stderr } = await bench.run(['provider', 'new', 'acme', '--out', folder]);
    expect([exit, stdout]).toEqual([errorTable.CONFLICT.exit, '']);
    expect(stderr).toContain(`${file}: there already`);
    expect(await readdir(folder)).toEqual([file]);
    expect(await readFile(join(folder, file), 'utf8')).toBe('mine');
  });

  test('does not follow a link that leads nowhere', async () => {
    await symlink(join(folder, 'elsewhere'), join(folder, 'acme.md'));
    await expect(beginProvider('acme', folder)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await readdir(folder)).toEqual(['acme.md']);
  });

  test.each(['', 'Acme', '1acme', 'acme_ai', '../acme', 'acme-', 'a--b', 'acme.ts', 'ä', 'a'.repeat(41)])(
    'refuses the name "%s" and says which are right',
    async (name) => {
      const { exit, stderr } = await bench.run(['provider', 'new', name, '--out', folder]);
      expect(exit).toBe(errorTable.INVALID_CONFIG.exit);
      expect(stderr).toContain('expected a name such as acme');
      expect(await readdir(folder)).toEqual([]);
    },
  );

  test('a place that cannot be written is named', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(beginProvider('acme', join(folder, 'file', 'below'))).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('cannot write'),
    });
  });

  test('knows the names that ship', async () => {
    expect([await providerTesting.ships('openai'), await providerTesting.ships('my-vendor')]).toEqual([true, false]);
  });
});
