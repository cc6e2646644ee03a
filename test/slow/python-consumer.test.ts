import { execFile } from 'node:child_process';
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';
import { missingEvidence } from '../../domain/gate.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { sharedWorld } from '../../providers/in-memory/shared-world.ts';
import { standingKeys } from '../../providers/in-memory/world.ts';
import { startScript } from '../../scripts/servers/child-process.ts';
import { type Program, startProgram } from '../../scripts/servers/program.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { root } from '../../scripts/setup/places.mjs';
import { openInstallation } from '../emergency/installation.ts';
import { missingPython } from '../support/python.ts';
import { until } from '../support/until.ts';

const credential = parseCredentialId('in-memory/dev/assistant');
const folderOfPackage = join(root, 'consumer', 'python');
const script = fileURLToPath(new URL('../support/python-consumer.py', import.meta.url));
const missing = missingPython();

const python = (args: readonly string[], cwd: string, more: Readonly<Record<string, string>> = {}) =>
  run('python3', args, cwd, more);

function run(program: string, args: readonly string[], cwd: string, more: Readonly<Record<string, string>> = {}) {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PIP_DISABLE_PIP_VERSION_CHECK: '1', ...more };
  return new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(program, args, { cwd, env, timeout: 100_000 }, (_error, stdout, stderr) =>
      resolve({ status: child.exitCode, stdout, stderr }),
    );
  });
}

describe.concurrent('the Python package', { timeout: 110_000 }, () => {
  test('passes its own scenarios against its fake server', async ({ skip, expect }) => {
    if (missing !== undefined) skip(missing);
    const { stderr, status } = await python(['-m', 'unittest', 'discover', '-s', 'tests'], folderOfPackage);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(Number(/Ran (\d+) tests/.exec(stderr)?.[1])).toBeGreaterThan(85);
    // Two need openssl to make a certificate; nothing else may be left out.
    expect(stderr).toMatch(/^OK( \(skipped=2\))?$/m);
  });

  test('is installed by pip, with its types and its fake server', async ({ skip, expect }) => {
    if (missing !== undefined) skip(missing);
    const folder = temporaryFolder('python-package');
    try {
      const tools = join(folder.path, 'tools');
      // The build tool is brought by itself: without it this is a skip, and with it the package has no excuse.
      const brought = await python(
        ['-m', 'pip', 'install', '--quiet', '--target', tools, 'setuptools>=70.1'],
        folder.path,
      );
      if (brought.status !== 0) skip(`setuptools could not be installed: ${brought.stderr.trim().split('\n').at(-1)}`);
      // The build writes beside its source.
      const source = join(folder.path, 'source');
      cpSync(folderOfPackage, source, { recursive: true });
      const done = async (args: readonly string[], cwd = folder.path): Promise<void> => {
        const { stderr, status } = await python(args, cwd, { PYTHONPATH: tools });
        expect({ status, stderr }).toMatchObject({ status: 0 });
      };
      // What is published is the archive of sources, and what is installed is the wheel that is built from it.
      await done(['-c', "import setuptools.build_meta as build; print(build.build_sdist('../sdist'))"], source);
      const [archive = ''] = readdirSync(join(folder.path, 'sdist'));
      const offline = ['--quiet', '--no-deps', '--no-index'];
      await done(['-m', 'pip', 'wheel', ...offline, '--no-build-isolation', '-w', 'wheel', join('sdist', archive)]);
      const [wheel = ''] = readdirSync(join(folder.path, 'wheel'));
      expect([archive, wheel]).toEqual(['keybaton-0.1.0.tar.gz', 'keybaton-0.1.0-py3-none-any.whl']);
      await done(['-m', 'venv', '--without-pip', 'venv']);
      const own = join(folder.path, 'venv', 'bin', 'python');
      await done(['-m', 'pip', '--python', own, 'install', ...offline, join('wheel', wheel)]);
      const look = `import importlib.metadata, pathlib, keybaton_consumer as k, keybaton_consumer.testing as t
from keybaton_consumer.sources import aws, mounted, vault
print(k.connect.__module__, t.FakeKeybaton.__name__, (pathlib.Path(k.__file__).parent / 'py.typed').exists())
print(importlib.metadata.requires('keybaton') or 'needs nothing')
fake = t.FakeKeybaton('in-memory/test/app', consumers=['web'])
fake.rotate({'api_key': 'nobody-knows-it'})
keys = k.connect(url=fake.url, token=fake.token('web'), credential=fake.credential, consumer='web', instance='web-0')
print(keys.use(lambda secret: len(secret['api_key'])))
fake.wait_for_proof()
keys.leave()
print(fake.missing())
fake.close()`;
      // Alone: nothing of the checkout or of other packages is in reach.
      const seen = await run(own, ['-I', '-c', look], folder.path);
      expect(seen).toEqual({
        status: 0,
        stdout: 'keybaton_consumer.connect FakeKeybaton True\nneeds nothing\n15\n[]\n',
        stderr: '',
      });
    } finally {
      folder.remove();
    }
  });

  test('lets an old version die only after a Python process has used and proved the new one', async ({
    skip,
    expect,
  }) => {
    if (missing !== undefined) skip(missing);
    const running: Program[] = [];
    const installation = await openInstallation({ targets, inventory, environment: { ADMIN: 'admin' } });
    const far = join(installation.folder, 'far');
    const world = sharedWorld(far);
    try {
      const [, api] = await Promise.all([
        installation.startWorker(),
        startScript({
          file: join(root, 'bin', 'keybaton.js'),
          args: ['api', '--listen', '127.0.0.1:0'],
          cwd: installation.folder,
          env: installation.environment,
        }),
      ]);
      running.push(api);
      const [, url] = await api.printed(/HTTP API at (http:\S+)/);
      const made = await installation.type(['token', 'make', credential, 'web', '--json']);
      const { token } = JSON.parse(made.stdout);

      const { ledger } = installation;
      const history = () => ledger.history({ credential, limit: 1_000 });
      const happened = async (kind: string) => (await history()).filter((event) => event.kind === kind);
      const newest = async () => (await ledger.facts(credential)).epochs[0];
      const isRotated = async (epoch: number) =>
        (await newest())?.epoch === epoch && (await happened('rotation.ended')).length === epoch;

      await installation.type(['rotate', credential, '--why', 'the first one']);
      await until('the first version is there', () => isRotated(1), 40_000);
      const [firstKey] = standingKeys(world, Date.now());

      const consumer = await startProgram({
        title: 'the Python consumer',
        command: 'python3',
        args: [script],
        env: { PYTHONPATH: folderOfPackage, PYTHONDONTWRITEBYTECODE: '1' },
      });
      running.push(consumer);
      const connected = { url, token, credential, consumer: 'web', instance: 'web-0', world: join(far, 'world.db') };
      consumer.stdin.write(`${JSON.stringify(connected)}\nwork\n`);
      await until('it has proved the first', async () => {
        const facts = await ledger.evidence(credential);
        return facts.instances.length > 0 && missingEvidence(facts, await ledger.clock()).length === 0;
      });
      consumer.stdin.write('rest\n');
      await consumer.printed(/"resting"/);

      await installation.type(['rotate', credential, '--why', 'a test']);
      // Pushed: nobody asks for it, since it rests.
      await consumer.printed(/"epoch": 2\b/);
      await until('the rotation waits for it', async () => {
        const { stdout } = await installation.type(['status', credential, '--json']);
        return /confirming|held/.test(String(JSON.parse(stdout).run?.step));
      });
      expect(standingKeys(world, Date.now())).toHaveLength(2);
      expect(await happened('revoke.authorised')).toEqual([]);

      consumer.stdin.write('work\n');
      await until('the rotation is over', () => isRotated(2), 40_000);
      const standing = standingKeys(world, Date.now());
      expect(standing).toHaveLength(1);
      expect(standing[0]?.id).not.toBe(firstKey?.id);

      const [proved] = (await happened('evidence.recorded')).filter(({ epoch }) => epoch === 2);
      const [authorised] = await happened('revoke.authorised');
      expect(proved?.body).toMatchObject({ consumer: 'web', instance: 'web-0', kind: 'possession' });
      expect(proved?.n).toBeLessThan(authorised?.n ?? 0);

      consumer.stdin.write('leave\n');
      const [, worked, failed] = await consumer.printed(/"left": true, "worked": (\d+), "failed": (\d+)/);
      expect([Number(worked) > 1, failed]).toEqual([true, '0']);
      expect((await consumer.ended).code).toBe(0);
      expect((await ledger.evidence(credential)).instances.filter(({ left }) => !left)).toEqual([]);
      expect(consumer.output()).not.toContain(token);
    } finally {
      for (const program of running) await program.stop();
      world.close();
      await installation.close();
    }
  });
});

const targets = (folder: string): string => `targets:
  memory:
    provider: in-memory
    environment: dev
    admin: env:ADMIN
    teams: [search]
    settings: { folder: ${folder}/far }
backends:
  vault:
    kind: embedded
    settings: { file: ${folder}/vault.sqlite }
`;

const inventory = `teams: [search]
credentials:
  ${credential}:
    target: memory
    team: search
    schedule: { every: 90d }
    backends: [vault]
    consumers: [{ name: web }]
    silence: { no: a test that is in a hurry }
    soak: 0s
`;
