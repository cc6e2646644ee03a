// Consumers that read from a store beside keybaton: the SDK for TypeScript against moto, and the one for Python against OpenBao and
// moto. Against OpenBao, a mounted folder and the fake of AWS the one for TypeScript is tested in test/consumer.
import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { awsSecretsManager } from '../../consumer/sources/aws.ts';
import { type Emulator, missingEmulators, startMoto } from '../../scripts/servers/emulator.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { missingTool } from '../../scripts/servers/tools.ts';
import { root } from '../../scripts/setup/places.mjs';
import { backendWith, placeAt } from '../backends/aws-secrets-manager-subject.ts';
import { sourceScenarios } from '../consumer/source-scenarios.ts';
import { storeOf } from '../consumer/stores.ts';
import { jwt, openVaultReaders } from '../consumer/vault-readers.ts';
import { startOpenBaoServer } from '../support/openbao-server.ts';
import { missingPython } from '../support/python.ts';

const withoutMoto = missingEmulators();
let moto: Emulator;
beforeAll(async () => {
  if (withoutMoto === undefined) moto = await startMoto();
});
afterAll(async () => {
  if (withoutMoto === undefined) await moto.stop();
});

describe('AWS Secrets Manager as moto plays it', () => {
  const environment = { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  const open = () => {
    const secretId = `ai/prod/${randomBytes(6).toString('hex')}/keys/bot`;
    const source = () => awsSecretsManager({ secretId, endpoint: moto.url, environment });
    return storeOf(backendWith(moto.url, { id: 'test', secret: 'test' }), placeAt(secretId), source);
  };
  sourceScenarios(open, { earlier: 'shown', missing: withoutMoto });
});

function scenariosInPython(pattern: string, more: Readonly<Record<string, string>>): Promise<string> {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...more };
  const args = ['-m', 'unittest', 'discover', '-s', 'tests', '-p', pattern];
  return new Promise((resolve) => {
    execFile('python3', args, { cwd: join(root, 'consumer', 'python'), env, timeout: 100_000 }, (_error, out, said) =>
      resolve(out + said),
    );
  });
}

const passed = (atLeast: number) => (said: string) =>
  Number(/Ran (\d+) tests/.exec(said)?.[1] ?? 0) >= atLeast && /^OK$/m.test(said) ? 'passed' : said;

describe('the Python package', { timeout: 110_000 }, () => {
  test('passes the scenarios of a store on OpenBao', async ({ skip }) => {
    const missing = missingPython() ?? missingTool('openbao');
    if (missing !== undefined) skip(missing);
    const folder = temporaryFolder('python-stores');
    const server = await startOpenBaoServer();
    try {
      await openVaultReaders(server);
      const file = join(folder.path, 'jwt');
      writeFileSync(file, jwt());
      const said = await scenariosInPython('live_vault.py', {
        KEYBATON_TEST_VAULT: server.url,
        KEYBATON_TEST_VAULT_TOKEN: server.rootToken,
        KEYBATON_TEST_JWT: file,
      });
      expect(passed(10)(said)).toBe('passed');
    } finally {
      await server.stop();
      folder.remove();
    }
  });

  test('passes the scenarios of a store on moto', async ({ skip }) => {
    const missing = missingPython() ?? withoutMoto;
    if (missing !== undefined) skip(missing);
    expect(passed(7)(await scenariosInPython('live_aws.py', { KEYBATON_TEST_AWS: moto.url }))).toBe('passed');
  });
});
