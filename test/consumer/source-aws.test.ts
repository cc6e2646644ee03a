import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { awsSecretsManager } from '../../consumer/sources/aws.ts';
import { findCredentials } from '../../consumer/sources/aws-credentials.ts';
import { signed } from '../../consumer/sources/aws-signature.ts';
import { freePort } from '../../scripts/servers/free-port.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import {
  backendWith,
  consumerPolicy,
  keybatonPolicy,
  keysWith,
  placeAt,
} from '../backends/aws-secrets-manager-subject.ts';
import type { AwsFake, Keys } from '../backends/aws-secrets-manager-subject.ts';
import { startFake } from '../fakes/start.ts';
import { awsSignatureVectors } from '../vectors/aws-signatures.ts';
import { sourceScenarios } from './source-scenarios.ts';
import { storeOf } from './stores.ts';

const { vectors, ...common } = awsSignatureVectors();

test.each(vectors)("AWS's published example $about", ({ method, headers, body, session, authorization }) => {
  const credentials = { accessKeyId: common.accessKeyId, secretAccessKey: common.exampleKey, sessionToken: session };
  const { region, service } = common;
  const request = { method, headers, body, region, service, credentials };
  const sent = signed({ ...request, url: new URL(common.url), at: Date.parse(common.at) });
  expect(sent['authorization']).toBe(authorization);
});

// A fake of ours that was written from AWS's pages: it checks the signature and the policy of every call.
describe('AWS Secrets Manager', () => {
  let fake: AwsFake;
  let keybaton: Keys;
  let consumer: Keys;
  /** As the documentation tells people, and one that may see what was current before as well. */
  let looser: Keys;
  beforeAll(async () => {
    fake = await startFake('aws-secrets-manager');
    keybaton = await keysWith(fake, keybatonPolicy);
    consumer = await keysWith(fake, consumerPolicy);
    const { Statement } = JSON.parse(consumerPolicy);
    looser = await keysWith(
      fake,
      JSON.stringify({ Version: '2012-10-17', Statement: [{ ...Statement[0], Condition: undefined }] }),
    );
  });
  afterAll(() => fake.stop());

  const secretId = () => `ai/prod/${randomBytes(6).toString('hex')}/keys/support-bot`;
  const as = ({ id, secret }: Keys) => ({
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: id,
    AWS_SECRET_ACCESS_KEY: secret,
  });
  const opened = (keys: () => Keys) => () => {
    const name = secretId();
    const source = () => awsSecretsManager({ secretId: name, endpoint: fake.url, environment: as(keys()) });
    return storeOf(backendWith(fake.url, keybaton), placeAt(name), source);
  };

  describe('under the documented policy of a consumer', () =>
    sourceScenarios(
      opened(() => consumer),
      { earlier: 'ACCESS_DENIED' },
    ));
  describe('where it may see AWSPREVIOUS', () =>
    sourceScenarios(
      opened(() => looser),
      { earlier: 'shown' },
    ));

  const read = (secret: string, keys: Keys, endpoint = fake.url) =>
    awsSecretsManager({ secretId: secret, endpoint, environment: as(keys) }).current(AbortSignal.timeout(20_000));

  test('a secret that is not there, a wrong key and a server that is away are each what they are', async () => {
    await expect(read(secretId(), consumer)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(read(secretId(), { ...consumer, secret: 'canary-7b2d' })).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
    });
    await expect(read('other/path', consumer)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    const nobody = `http://127.0.0.1:${String(await freePort())}`;
    await expect(read(secretId(), consumer, nobody)).rejects.toMatchObject({ code: 'NO_ANSWER' });
  });
});

describe('credentials of AWS', () => {
  const expiry = (inSeconds: number) => new Date(Date.now() + inSeconds * 1000).toISOString();
  const find = (environment: Record<string, string>, stsEndpoint?: string) =>
    findCredentials({ region: 'eu-west-1', environment, fetch: globalThis.fetch, stsEndpoint });

  /** Answers what it is told to, and remembers what it was asked. */
  async function withServer<Answer>(
    answer: () => string,
    act: (url: string, asked: string[]) => Promise<Answer>,
  ): Promise<Answer> {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (part: string) => (text += part));
      request.on('end', () => {
        asked.push(`${String(request.method)} ${String(request.url)} ${request.headers.authorization ?? ''} ${text}`);
        response.end(answer());
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return act(`http://127.0.0.1:${String(address.port)}`, asked).finally(() => {
      server.closeAllConnections();
      server.close();
    });
  }

  const fromContainer = (seconds: number) =>
    JSON.stringify({ AccessKeyId: 'ASIA1', SecretAccessKey: 's', Token: 't', Expiration: expiry(seconds) });

  test('come from the endpoint of the container, with its token read from a file, once for however many ask', async () => {
    const folder = temporaryFolder('pod-identity');
    const file = join(folder.path, 'token');
    writeFileSync(file, 'pod-token\n');
    await withServer(
      () => fromContainer(3_600),
      async (url, asked) => {
        const finding = find({
          AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/v1/credentials`,
          AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file,
        });
        const found = await Promise.all([finding(new AbortController().signal), finding(new AbortController().signal)]);
        expect(found.map(({ accessKeyId }) => accessKeyId)).toEqual(['ASIA1', 'ASIA1']);
        expect(asked).toEqual(['GET /v1/credentials pod-token ']);
      },
    );
    folder.remove();
  });

  test('are asked for again shortly before they end', async () => {
    await withServer(
      () => fromContainer(60),
      async (url, asked) => {
        const finding = find({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url });
        await finding(new AbortController().signal);
        await finding(new AbortController().signal);
        expect(asked).toHaveLength(2);
      },
    );
  });

  test('come from a web identity, which is shown to STS', async () => {
    const folder = temporaryFolder('irsa');
    const file = join(folder.path, 'token');
    writeFileSync(file, 'web-token');
    const xml = `<R><Credentials><AccessKeyId>ASIA2</AccessKeyId><SecretAccessKey>s/+=</SecretAccessKey><SessionToken>t</SessionToken><Expiration>${expiry(3_600)}</Expiration></Credentials></R>`;
    await withServer(
      () => xml,
      async (url, asked) => {
        const environment = { AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_ARN: 'arn:aws:iam::111122223333:role/bot' };
        const found = await find(environment, url)(new AbortController().signal);
        expect(found).toMatchObject({ accessKeyId: 'ASIA2', secretAccessKey: 's/+=', sessionToken: 't' });
        expect(asked).toEqual([
          expect.stringMatching(/^POST \/ {2}Action=AssumeRoleWithWebIdentity&.*WebIdentityToken=web-token$/),
        ]);
      },
    );
    folder.remove();
  });

  test.each([
    ['nothing is there', {}],
    ['a container endpoint at a strange host', { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://example.com/x' }],
  ])('%s: INVALID_CONFIG', async (_what, environment) => {
    await expect(find(environment)(new AbortController().signal)).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });
});
