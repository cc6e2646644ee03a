import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  GetSecretValueCommand,
  ListSecretsCommand,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
} from '@aws-sdk/client-secrets-manager';
import { awsSecretsManagerBackend } from '../../backends/aws-secrets-manager.ts';
import { awsSecretsManagerSettings } from '../../backends/aws-secrets-manager/settings.ts';
import type { Place } from '../../backends/backend.ts';
import { holdsValue } from '../../backends/fields.ts';
import type { BackendSubject } from '../../conformance/backend-suite.ts';
import { parseCredentialId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import type { AwsSettings } from '../fakes/aws-secrets-manager/state.ts';
import type { RunningFake } from '../fakes/start.ts';
import { answerLosingProxy } from './answer-losing-proxy.ts';

export type AwsFake = RunningFake<AwsSettings>;

export interface Keys {
  readonly id: string;
  readonly secret: string;
}

/** The policies that the documentation tells people to use: keybaton's first, then a consumer's. */
export const [keybatonPolicy = '', consumerPolicy = ''] = [
  ...readFileSync(new URL('../../docs/backends/aws-secrets-manager.md', import.meta.url), 'utf8').matchAll(
    /```json\n([\s\S]*?)```/g,
  ),
].map(([, policy]) => policy);

export const region = 'eu-west-1';

/** What the fake's control port answers has the shape written there. */
export const keysWith = async (fake: AwsFake, policy: string) =>
  (await fake.control('POST', '/keys', JSON.parse(policy))) as Keys;

export const ownerOf = (fake: AwsFake): Keys => {
  const [id = '', secret = ''] = fake.adminKey.split(':');
  return { id, secret };
};

/** The official client without any of our code. */
export const rawSecretsManager = (endpoint: string, { id, secret }: Keys, more: SecretsManagerClientConfig = {}) =>
  new SecretsManagerClient({
    endpoint,
    region,
    maxAttempts: 1,
    credentials: { accessKeyId: id, secretAccessKey: secret },
    ...more,
  });

export const placeAt = (path: string): Place => ({ credential: parseCredentialId('openai/prod/support-bot'), path });

export function backendWith(endpoint: string, keys: Keys, more: object = {}) {
  const settings = { region, endpoint, auth: { method: 'keys' }, writesPerSecond: 50, ...more };
  return awsSecretsManagerBackend(awsSecretsManagerSettings.parse(settings), {
    name: 'aws',
    admin: async () =>
      new SecretMaterial({ access_key_id: keys.id, secret_access_key: keys.secret }, 'secret_access_key'),
  });
}

export interface StoredSecret {
  readonly name: string;
  readonly deleted: boolean;
  readonly versions: readonly { readonly id: string; readonly text: string; readonly stages: readonly string[] }[];
}

export const secretsOf = async (fake: AwsFake) => (await fake.control('GET', '/secrets')) as readonly StoredSecret[];

/** One account, and a place of its own for every test. */
export function awsSubject(fake: () => AwsFake, admin: () => Keys, consumer: () => Keys) {
  return async (): Promise<BackendSubject> => {
    const { url } = fake();
    const place = placeAt(`ai/prod/${randomBytes(6).toString('hex')}/keys/support-bot`);
    const client = rawSecretsManager(url, consumer());
    const closing: (() => Promise<void>)[] = [];

    async function consumerGets(name: string, which: { VersionStage?: string; VersionId?: string }) {
      try {
        return (await client.send(new GetSecretValueCommand({ SecretId: name, ...which }))).SecretString;
      } catch (thrown) {
        const type = thrown instanceof Error ? thrown.name : '';
        if (type === 'ResourceNotFoundException' || type === 'AccessDeniedException') return undefined;
        throw thrown;
      }
    }

    return {
      backend: backendWith(url, admin()),
      place,
      async consumerReads(path) {
        const text = await consumerGets(path, { VersionStage: 'AWSCURRENT' });
        return text === undefined ? undefined : JSON.parse(text);
      },
      async consumerFinds(path, text) {
        await client.send(new ListSecretsCommand({})).then(
          () => Promise.reject(new Error('a consumer may list names')),
          () => undefined,
        );
        // A thief who knows every name and every version id.
        for (const { name, versions } of await secretsOf(fake())) {
          if (!name.includes(path)) continue;
          const asked = [
            {},
            { VersionStage: 'AWSCURRENT' },
            { VersionStage: 'AWSPENDING' },
            { VersionStage: 'AWSPREVIOUS' },
            ...versions.map(({ id }) => ({ VersionId: id })),
          ];
          for (const which of asked) {
            const read = await consumerGets(name, which);
            if (read !== undefined && holdsValue(JSON.parse(read), text)) return true;
          }
        }
        return false;
      },
      writeByHand: async (path, fields) => void (await fake().control('POST', '/by-hand', { name: path, fields })),
      async copies(path, version, value) {
        const mine = (await secretsOf(fake())).filter(
          ({ name, deleted }) => !deleted && [path, `keybaton-staging/${path}/${version}`].includes(name),
        );
        // AWS erases versions without labels by itself and offers nothing more.
        const kept = mine.flatMap(({ versions }) => versions.filter(({ stages }) => stages.length > 0));
        return kept.filter(({ text }) => holdsValue(JSON.parse(text), value)).length;
      },
      async losingNextAnswer() {
        const proxy = await answerLosingProxy(url, ({ headers }) =>
          /(Create|Put|Update|Delete)/.test(String(headers['x-amz-target'])),
        );
        closing.push(proxy.close);
        return { backend: backendWith(proxy.url, admin()), lost: proxy.lost };
      },
      unreachable: async () => backendWith(`http://127.0.0.1:${String(await freePort())}`, admin()),
      denied: async () => backendWith(url, { id: 'AKIAUNKNOWN000000000', secret: 'no-such-secret' }),
      close: async () => {
        client.destroy();
        for (const one of closing) await one();
      },
    };
  };
}
