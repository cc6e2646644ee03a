import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFakeKeybaton } from '../../consumer/testing/fake-keybaton.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import type { TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { root } from '../../scripts/setup/places.mjs';

const example = `import { connect } from '@keybaton/consumer';
import { awsSecretsManager } from '@keybaton/consumer/aws';
import { mounted } from '@keybaton/consumer/mounted';
import { startFakeKeybaton } from '@keybaton/consumer/testing';
import { vault } from '@keybaton/consumer/vault';

const keys = connect({
  url: process.env['KEYBATON_URL'] ?? '',
  token: process.env['KEYBATON_TOKEN'] ?? '',
  credential: 'in-memory/test/app',
  consumer: 'web',
  instance: 'web-0',
});
console.log(await keys.use(async ({ api_key }) => String(api_key).length));
await keys.leave();
console.log([awsSecretsManager, mounted, startFakeKeybaton, vault].every((one) => typeof one === 'function'));
`;

describe('the packed package of the consumer, in an empty folder and without a network', () => {
  let folder: TemporaryFolder;
  let files: readonly string[];

  beforeAll(() => {
    folder = temporaryFolder('consumer-package');
    const npm = (args: readonly string[], cwd: string): string =>
      execFileSync('npm', [...args, '--offline', '--no-audit', '--no-fund', '--loglevel=error'], {
        cwd,
        encoding: 'utf8',
        env: { ...process.env, npm_config_cache: join(folder.path, 'no-cache') },
      });
    const packed = npm(['pack', '--workspace', 'consumer', '--silent', '--pack-destination', folder.path], root);
    const tarball = join(folder.path, packed.trim().split('\n').at(-1) ?? '');
    files = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((line) => line.replace(/^package\//, ''));
    writeFileSync(join(folder.path, 'package.json'), '{"name": "newcomer", "private": true, "type": "module"}');
    npm(['install', tarball], folder.path);
    // JavaScript as it stands, so that one text serves both.
    for (const name of ['example.js', 'example.ts']) writeFileSync(join(folder.path, name), example);
  }, 60_000);
  afterAll(() => folder.remove());

  const installed = (...path: string[]): string => join(folder.path, 'node_modules', '@keybaton', 'consumer', ...path);

  test('holds JavaScript and types alone, needs nothing else, and names no path of the machine', () => {
    expect(files).toEqual(
      expect.arrayContaining(['README.md', 'dist/LICENSE', 'dist/connect.js', 'dist/connect.d.ts']),
    );
    expect(
      files.filter((file) => !/^(package\.json|README\.md|dist\/LICENSE|dist\/.*(\.js|\.d\.ts))$/.test(file)),
    ).toEqual([]);
    const own = JSON.parse(readFileSync(installed('package.json'), 'utf8'));
    expect([own.dependencies, own.peerDependencies, own.optionalDependencies]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    const lock = JSON.parse(readFileSync(join(folder.path, 'package-lock.json'), 'utf8'));
    expect(Object.keys(lock.packages)).toEqual(['', 'node_modules/@keybaton/consumer']);
    expect(files.filter((file) => readFileSync(installed(file), 'utf8').includes(`${root}/`))).toEqual([]);
  });

  test('reads, uses, proves and leaves under plain Node', async () => {
    const fake = await startFakeKeybaton({ credential: 'in-memory/test/app', consumers: ['web'] });
    try {
      fake.rotate({ api_key: 'nobody-knows-it' });
      const ran = await new Promise<{ stdout: string; stderr: string }>((resolve) => {
        execFile(
          process.execPath,
          ['example.js'],
          {
            cwd: folder.path,
            env: { PATH: process.env['PATH'], KEYBATON_URL: fake.url, KEYBATON_TOKEN: fake.token('web') },
            timeout: 20_000,
          },
          (_error, stdout, stderr) => resolve({ stdout, stderr }),
        );
      });
      expect(ran).toEqual({ stdout: '15\ntrue\n', stderr: '' });
      await fake.waitForProof();
      expect([fake.missing(), fake.instances()]).toEqual([[], []]);
    } finally {
      await fake.close();
    }
  });

  test('has types that a strict program is checked against, without looking the other way', () => {
    const config = {
      compilerOptions: {
        ...{ target: 'ES2024', module: 'NodeNext', strict: true, exactOptionalPropertyTypes: true, noEmit: true },
        ...{ skipLibCheck: false, types: ['node'], typeRoots: [join(root, 'node_modules', '@types')] },
      },
      files: ['example.ts', 'wrong.ts'],
    };
    writeFileSync(join(folder.path, 'tsconfig.json'), JSON.stringify(config));
    writeFileSync(
      join(folder.path, 'wrong.ts'),
      `import { connect } from '@keybaton/consumer';\n// @ts-expect-error: without a consumer nobody is proved for\nconnect({ url: '', token: '', credential: '', instance: '' });\n`,
    );
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    let said = '';
    try {
      execFileSync(process.execPath, [compiler, '-p', folder.path], { encoding: 'utf8' });
    } catch (error) {
      said = String((error as { stdout?: string }).stdout);
    }
    expect(said).toBe('');
  });
});
