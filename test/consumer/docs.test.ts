import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { missingEvidence } from '../../domain/gate.ts';
import { credential, openWorld } from '../control/http-api/world.ts';
import type { World } from '../control/http-api/world.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/consumers.md'), 'utf8');

/** The page's example, about the credential of this test. */
function example(language: string): string {
  const found = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(page)?.[1];
  if (found === undefined) throw new Error(`the page has no ${language} example`);
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
  const { out, errors, code } = await run('bash', ['-euo', 'pipefail', '-c', example('sh')], {});
  expect({ errors, code }).toEqual({ errors: '', code: 0 });
  expect(out).toContain('"missing":0');
  await expectProved();
});

test('the SDK example reads, uses, proves and leaves', async () => {
  const { value } = await world.rotate();
  const provider = createServer((request, response) => {
    response.statusCode = request.headers.authorization === `Bearer ${value}` ? 200 : 401;
    response.end('{"models":["one"]}');
  }).listen(0, '127.0.0.1');
  await once(provider, 'listening');
  const address = provider.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  writeFileSync(join(folder, 'example.ts'), example('ts'));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const answer = await run(process.execPath, [join(folder, 'example.ts')], {
    MODEL_API: `http://127.0.0.1:${String(address.port)}`,
  }).finally(() => provider.close());
  expect(answer).toEqual({ out: "{ models: [ 'one' ] }\n", errors: '', code: 0 });
  await expectProved();
});
