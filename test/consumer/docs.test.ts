import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { missingEvidence } from '../../domain/gate.ts';
import { credential, openWorld } from '../control/http-api/world.ts';
import type { World } from '../control/http-api/world.ts';
import { missingPython } from '../support/python.ts';
import { swapIn } from './stores.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/consumers.md'), 'utf8');
const typescriptPage = readFileSync(join(root, 'docs/consumers/sdk-typescript.md'), 'utf8');
const mountedPage = readFileSync(join(root, 'docs/consumers/mounted-file.md'), 'utf8');

/** The example of a section of the page, about the credential of this test. */
function example(heading: string, language: string, on = page): string {
  const section = on.split(/^(?=## )/m).find((one) => one.startsWith(`## ${heading}`)) ?? '';
  const found = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(section)?.[1];
  if (found === undefined) throw new Error(`the page has no ${language} example under "${heading}"`);
  return found.replaceAll('openai/prod/support-bot', credential);
}

const lacks = (program: string): boolean => spawnSync(program, ['--version']).error !== undefined;

let world: World;
let folder: string;
beforeEach(async () => {
  world = await openWorld(['web']);
  folder = mkdtempSync(join(tmpdir(), 'keybaton-docs-'));
});
afterEach(async () => {
  rmSync(folder, { recursive: true, force: true });
  await world.close();
});

// In the checkout the package is its sources; test/slow/consumer-package.test.ts has it as it is packed.
const fromSource = '--conditions=keybaton-source';

async function run(program: string, given: readonly string[], environment: Record<string, string>) {
  const env = {
    PATH: process.env['PATH'],
    KEYBATON_URL: world.url(),
    KEYBATON_TOKEN: await world.token('web'),
    ...environment,
  };
  const child = spawn(program, given, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const tooLong = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const [out, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  clearTimeout(tooLong);
  return { out, errors, code };
}

async function expectProved(): Promise<void> {
  const facts = await world.ledger.evidence(credential);
  expect(facts.evidence.map(({ kind }) => kind)).toEqual(['possession']);
  expect(missingEvidence(facts, await world.ledger.clock())).toEqual([]);
}

// Skipped where curl or python3 is missing: the example needs both.
test.skipIf(lacks('curl') || lacks('python3'))('the curl example registers, reads, proves and leaves', async () => {
  await world.rotate();
  const { out, errors, code } = await run('bash', ['-euo', 'pipefail', '-c', example('With curl', 'sh')], {});
  expect({ errors, code }).toEqual({ errors: '', code: 0 });
  expect(out).toContain('"missing":0');
  await expectProved();
});

/** A provider that lets in who shows this value. */
async function withProvider<Answer>(value: string, act: (url: string) => Promise<Answer>): Promise<Answer> {
  const provider = createServer((request, response) => {
    response.statusCode = request.headers.authorization === `Bearer ${value}` ? 200 : 401;
    response.end('{"models":["one"]}');
  }).listen(0, '127.0.0.1');
  await once(provider, 'listening');
  const address = provider.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return act(`http://127.0.0.1:${String(address.port)}`).finally(() => provider.close());
}

test('the SDK example reads, uses, proves and leaves', async () => {
  const { value } = await world.rotate();
  writeFileSync(join(folder, 'example.ts'), example('With the SDK (TypeScript', 'ts'));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const answer = await withProvider(value, (url) =>
    run(process.execPath, [fromSource, join(folder, 'example.ts')], { MODEL_API: url }),
  );
  expect(answer).toEqual({ out: "{ models: [ 'one' ] }\n", errors: '', code: 0 });
  await expectProved();
});

test('the Python example reads, uses, proves and leaves', async ({ skip }) => {
  const missing = missingPython();
  if (missing !== undefined) skip(missing);
  const { value } = await world.rotate();
  writeFileSync(join(folder, 'example.py'), example('With the SDK (Python', 'python'));
  const answer = await withProvider(value, (url) =>
    run('python3', ['-B', join(folder, 'example.py')], {
      MODEL_API: url,
      PYTHONPATH: join(root, 'consumer', 'python'),
    }),
  );
  expect(answer).toEqual({ out: "{'models': ['one']}\n", errors: '', code: 0 });
  await expectProved();
});

/** The secret as something else brings it, beside the API. */
async function mountSecret(): Promise<Record<string, string>> {
  const { version, epoch, value } = await world.rotate();
  const secret = join(folder, 'secret');
  mkdirSync(secret);
  swapIn(secret, { username: 'someone', api_key: value, keybaton_version: version, keybaton_epoch: String(epoch) });
  return { SECRET_FOLDER: secret };
}

test('the example of a mounted file in TypeScript uses, proves and leaves', async () => {
  writeFileSync(join(folder, 'example.ts'), example('What you change', 'ts', mountedPage));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const answer = await run(process.execPath, [fromSource, join(folder, 'example.ts')], await mountSecret());
  expect(answer).toEqual({ out: '43 characters\n', errors: '', code: 0 });
  await expectProved();
});

test('the example of a mounted file in Python does so too', async ({ skip }) => {
  const missing = missingPython();
  if (missing !== undefined) skip(missing);
  writeFileSync(join(folder, 'example.py'), example('What you change', 'python', mountedPage));
  const where = { ...(await mountSecret()), PYTHONPATH: join(root, 'consumer', 'python') };
  const answer = await run('python3', ['-B', join(folder, 'example.py')], where);
  expect(answer).toEqual({ out: '43 characters\n', errors: '', code: 0 });
  await expectProved();
});

test('the example of the fake server runs as it stands, and says what is missing', async () => {
  writeFileSync(join(folder, 'example.ts'), example('In your tests', 'ts', typescriptPage));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const { out, errors, code } = await run(process.execPath, [fromSource, join(folder, 'example.ts')], {});
  expect({ errors, code }).toEqual({ errors: '', code: 0 });
  expect(out).toMatch(/^the first one\n.*not proved/s);
});
