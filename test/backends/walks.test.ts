import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Backend, BackendCall, Walked } from '../../backends/backend.ts';
import { backendRegistry } from '../../backends/registry.ts';
import { versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { temporaryFolder, type TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { startFake } from '../fakes/start.ts';
import { certificate } from '../outbound/self-signed.ts';
import {
  type AwsFake,
  backendWith as awsWith,
  type Keys,
  keysWith,
  ownerOf,
  rawSecretsManager,
} from './aws-secrets-manager-subject.ts';
import { backendWith as kubernetesWith, type KubernetesFake, namespace, placeAt } from './kubernetes-subject.ts';

let aws: AwsFake;
let kubernetes: KubernetesFake;
let folder: TemporaryFolder;
let caFile: string;
beforeAll(async () => {
  folder = temporaryFolder('walks');
  caFile = join(folder.path, 'ca.crt');
  writeFileSync(caFile, certificate);
  [aws, kubernetes] = await Promise.all([startFake('aws-secrets-manager'), startFake('kubernetes')]);
});
afterAll(async () => {
  await Promise.all([aws?.stop(), kubernetes?.stop()]);
  folder.remove();
});

const call = (): BackendCall => ({
  signal: new AbortController().signal,
  deadline: Number.MAX_SAFE_INTEGER,
  now: () => Date.now(),
});

async function walked(backend: Backend, below?: string): Promise<readonly Walked[]> {
  const found: Walked[] = [];
  for await (const one of backend.walk?.(below, call()) ?? expect.fail('it has no walk')) found.push(one);
  return found;
}

const told = (found: readonly Walked[]) =>
  found.map((one) =>
    one.kind === 'unseen'
      ? `${one.path} ${one.trouble.code}`
      : `${one.path} ${Object.keys(one.texts).join(',')}${one.ours ? ' ours' : ''}${one.plain ? ' plain' : ''}`,
  );

/** What `discover` needs, and nothing more. */
const readOnly = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'],
      Resource: ['ai', 'one', 'two'].map((name) => `arn:aws:secretsmanager:eu-west-1:111122223333:secret:${name}*`),
    },
    { Effect: 'Allow', Action: 'secretsmanager:ListSecrets', Resource: '*' },
  ],
};

test('AWS: every current version is seen, what may not be read is told, what is staged is not', async () => {
  const byHand = (name: string, fields: object) => aws.control('POST', '/by-hand', { name, fields });
  await byHand('ai/prod/bot', { api_key: 'a', url: 'b' });
  await byHand('ai/prod/ours', { api_key: 'c', keybaton_version: 'kb1', keybaton_epoch: '1' });
  await byHand('denied/one', { api_key: 'd' });
  await byHand('keybaton-staging/ai/prod/ours/kb1', { value: 'e' });
  const raw = rawSecretsManager(aws.url, ownerOf(aws));
  await raw.send(new CreateSecretCommand({ Name: 'one/plain', SecretString: 'a text' }));
  const keys: Keys = await keysWith(aws, JSON.stringify(readOnly));
  const backend = awsWith(aws.url, keys);
  const found = await walked(backend);
  expect(told(found)).toEqual([
    'ai/prod/bot api_key,url',
    'ai/prod/ours api_key ours',
    'denied/one ACCESS_DENIED',
    'one/plain value plain',
  ]);
  expect(found[0]?.kind === 'entry' && found[0].writtenAt).toBeGreaterThan(Date.now() - 600_000);
  expect(told(await walked(backend, 'ai/'))).toHaveLength(2);
  const refused = awsWith(aws.url, { id: 'AKIAUNKNOWN000000000', secret: 'no-such-secret' });
  expect(told(await walked(refused))).toEqual(['/ ACCESS_DENIED']);
});

test('Kubernetes: every Secret of the namespace is seen under the path that names it; denied is told', async () => {
  const token = 'token-of-a-walk';
  await kubernetes.control('POST', '/rules', { token, allowed: [{ namespace, verbs: ['get', 'list'] }] });
  for (const name of ['ai.prod.bot', 'web'])
    await kubernetes.control('POST', '/write', { namespace, name, fields: { api_key: 'a' } });
  const backend = kubernetesWith(kubernetes.url, caFile, token);
  expect(told(await walked(backend))).toEqual(['ai/prod/bot api_key', 'web api_key']);
  expect(told(await walked(backend, 'ai/prod'))).toEqual(['ai/prod/bot api_key']);
  const rooted = kubernetesWith(kubernetes.url, caFile, token, { root: 'team' });
  expect(told(await walked(rooted))).toEqual(['team/ai/prod/bot api_key', 'team/web api_key']);
  expect(told(await walked(kubernetesWith(kubernetes.url, caFile, 'nobody')))).toEqual(['/ ACCESS_DENIED']);
});

test('embedded: what was promoted is seen as ours, and a file that is not there is not made', async () => {
  const open = (file: string) =>
    backendRegistry.embedded.open(
      { file: join(folder.path, file) },
      { name: 'here', admin: () => expect.fail('no admin'), key: () => new Uint8Array(32).fill(1) },
    );
  const backend = open('vault.sqlite');
  const place = placeAt('ai/prod/bot');
  const version = versionIdFrom(new Uint8Array(64).fill(7));
  await backend.stage(
    place,
    { version, ref: { id: 'key' }, material: new SecretMaterial({ api_key: 'a' }, 'api_key') },
    call(),
  );
  await backend.promote(place, { version, epoch: 1, expected: undefined }, call());
  expect(told(await walked(backend))).toEqual(['ai/prod/bot api_key ours']);
  expect(told(await walked(backend, 'ai/test'))).toEqual([]);
  expect(told(await walked(open('none.sqlite')))).toEqual(['/ NOT_FOUND']);
  expect(existsSync(join(folder.path, 'none.sqlite'))).toBe(false);
});
