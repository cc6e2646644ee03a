import { randomBytes } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { crc32c } from '../../backends/google-secret-manager/crc32c.ts';
import { shown } from '../../conformance/backend/bench.ts';
import { codeOf } from '../../domain/errors.ts';
import { versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { startFake } from '../fakes/start.ts';
import { backendWith, type GoogleFake, placeAt } from './google-subject.ts';

let fake: GoogleFake;
beforeAll(async () => {
  fake = await startFake('google-secret-manager');
});
afterAll(async () => {
  await fake.stop();
});

const place = placeAt('ai/prod/way-to-google');
const call = () => ({ signal: AbortSignal.timeout(60_000), deadline: Date.now() + 60_000, now: () => Date.now() });
const make = () => ({
  version: versionIdFrom(randomBytes(64)),
  ref: { id: 'key-1' },
  material: new SecretMaterial({ api_key: `canary-google-${randomBytes(8).toString('hex')}` }, 'api_key'),
});

describe('the way to Google', () => {
  const closing: (() => void)[] = [];
  afterEach(() => {
    vi.unstubAllEnvs();
    for (const close of closing.splice(0)) close();
  });

  async function serve(answer: RequestListener): Promise<string> {
    const server = createServer(answer).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `http://127.0.0.1:${String(address.port)}`;
  }

  it.each([404, 400, 409])('a page of something in between with %i is never "absent"', async (status) => {
    const url = await serve((_request, response) =>
      response.writeHead(status, { 'content-type': 'text/html' }).end('<h1>no</h1>'),
    );
    await expect(backendWith(url, 'x').read(place, make().version, call())).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
    });
  });

  it('a payload that was damaged on its way is UNAVAILABLE', async () => {
    const url = await serve((_request, response) => {
      const data = Buffer.from('damaged').toString('base64');
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ name: 'projects/p/secrets/s/versions/1', payload: { data, dataCrc32c: '1' } }));
    });
    await expect(backendWith(url, 'x').read(place, make().version, call())).rejects.toThrow(/damaged/);
  });

  it('the checksum is the one of the standard', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });

  it('signs in by workload identity federation, whose token file is read anew', async () => {
    const folder = temporaryFolder('google-federation');
    closing.push(() => folder.remove());
    const exchanged: string[] = [];
    const url = await serve((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        exchanged.push(new URLSearchParams(text).get('subject_token') ?? '');
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({
            access_token: fake.adminKey,
            issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
            token_type: 'Bearer',
            expires_in: 3600,
          }),
        );
      });
    });
    const tokenFile = join(folder.path, 'token');
    writeFileSync(tokenFile, 'identity-of-this-pod');
    const config = {
      type: 'external_account',
      audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${url}/v1/token`,
      credential_source: { file: tokenFile },
    };
    writeFileSync(join(folder.path, 'config.json'), JSON.stringify(config));
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', join(folder.path, 'config.json'));
    const federated = backendWith(fake.url, 'unused', { auth: { method: 'application-default' } });
    await federated.stage(place, make(), call());
    await federated.stage(place, make(), call());
    expect(exchanged).toEqual(['identity-of-this-pod']);
  });

  it('missing default credentials are an error, and the process goes on', async () => {
    const folder = temporaryFolder('google-nobody');
    const child = spawn(process.execPath, [new URL('./google-child.ts', import.meta.url).pathname, fake.url], {
      env: { PATH: process.env['PATH'], HOME: folder.path, METADATA_SERVER_DETECTION: 'none', NO_GCE_CHECK: 'true' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    folder.remove();
    expect([code, printed]).toEqual([0, 'ACCESS_DENIED there is no usable google credential here\nstill here\n']);
  });

  it('a key that is none is INVALID_CONFIG, and is not shown', async () => {
    const keyed = backendWith(fake.url, 'canary-not-a-key', { auth: { method: 'key' } });
    const thrown: unknown = await keyed.probe(place, call()).catch((reason: unknown) => reason);
    expect([codeOf(thrown), shown(thrown).includes('canary')]).toEqual(['INVALID_CONFIG', false]);
  });
});
