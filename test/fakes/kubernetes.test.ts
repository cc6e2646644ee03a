import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { httpClient } from '../../outbound/http-client.ts';
import { certificate } from '../outbound/self-signed.ts';
import type { KubernetesFakeSettings } from './kubernetes/server.ts';
import { type RunningFake, startFake } from './start.ts';

/** What the pages of Kubernetes say, asked of the fake by plain HTTPS: no adapter and no client takes part. */
let fake: RunningFake<KubernetesFakeSettings>;
let made = 0;
let name: string;
const secrets = '/api/v1/namespaces/team-a/secrets';
const base64 = (text: string) => Buffer.from(text).toString('base64');

beforeAll(async () => {
  fake = await startFake('kubernetes');
});
afterAll(async () => {
  await fake.stop();
});
beforeEach(async () => {
  await fake.reset();
  made += 1;
  name = `secret-${String(made)}`;
});

async function ask(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object, headers: object = {}) {
  const { status, body: answer } = await httpClient({ baseUrl: fake.url, ca: certificate }).request({
    method,
    path,
    body,
    headers: { authorization: `Bearer ${fake.adminKey}`, ...headers },
    expect: [400, 401, 403, 404, 409, 415, 422],
  });
  // Whatever the server says: a wrong shape fails the assertion.
  return { status, body: answer as ReturnType<typeof JSON.parse> };
}
const create = (more: object = {}) =>
  ask('POST', secrets, { metadata: { name }, data: { key: base64('one') }, ...more });
const patch = (body: object) =>
  ask('PATCH', `${secrets}/${name}`, body, { 'content-type': 'application/merge-patch+json' });

describe('the Secrets of an API server, as its pages describe them', () => {
  it('a second Secret of one name is AlreadyExists', async () => {
    await create();
    const { status, body } = await create();
    expect([status, body.kind, body.reason]).toEqual([409, 'Status', 'AlreadyExists']);
  });

  it('a patch that names another resourceVersion than the one standing is Conflict and changes nothing', async () => {
    const { resourceVersion } = (await create()).body.metadata;
    const first = await patch({ metadata: { resourceVersion }, data: { key: base64('two') } });
    expect(first.body.metadata.resourceVersion).not.toBe(resourceVersion);
    const stale = await patch({ metadata: { resourceVersion }, data: { key: base64('three') } });
    expect([stale.status, stale.body.reason]).toEqual([409, 'Conflict']);
    expect((await ask('GET', `${secrets}/${name}`)).body.data).toEqual({ key: base64('two') });
  });

  it('a merge patch leaves keys that it does not name, and takes away those it calls null', async () => {
    await create();
    await patch({ data: { other: base64('x') } });
    expect((await patch({ data: { key: null } })).body.data).toEqual({ other: base64('x') });
  });

  it('an immutable Secret can be deleted and not changed', async () => {
    await create({ immutable: true });
    expect((await patch({ data: { key: base64('two') } })).body.reason).toBe('Invalid');
    expect((await ask('DELETE', `${secrets}/${name}`)).status).toBe(200);
  });

  it('keys, names and base64 are held to their rules', async () => {
    expect((await create({ data: { 'a b': base64('x') } })).status).toBe(422);
    expect((await create({ data: { key: 'not base64!' } })).status).toBe(400);
    expect((await ask('POST', secrets, { metadata: { name: 'Upper' } })).status).toBe(422);
  });

  it('a list of metadata alone holds no data, and comes in pages', async () => {
    for (const one of ['a', 'b'])
      await ask('POST', secrets, {
        metadata: { name: `${name}-${one}`, labels: { run: name } },
        data: { key: base64('x') },
      });
    const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
    const http = (query: Record<string, string | number>) =>
      httpClient({ baseUrl: fake.url, ca: certificate }).request({
        method: 'GET',
        path: secrets,
        query: { labelSelector: `run=${name}`, ...query },
        headers: { authorization: `Bearer ${fake.adminKey}`, accept },
      });
    const first = (await http({ limit: 1 })).body as ReturnType<typeof JSON.parse>;
    const rest = (await http({ limit: 1, continue: first.metadata.continue })).body as ReturnType<typeof JSON.parse>;
    expect([...first.items, ...rest.items].map(({ metadata, data }) => [metadata.name, data])).toEqual([
      [`${name}-a`, undefined],
      [`${name}-b`, undefined],
    ]);
    expect(rest.metadata.continue).toBeUndefined();
  });

  it('an absent Secret, an absent namespace and an unknown token are told apart', async () => {
    const absent = await ask('GET', `${secrets}/${name}`);
    const nowhere = await ask('POST', '/api/v1/namespaces/nowhere/secrets', { metadata: { name } });
    const stranger = await ask('GET', `${secrets}/${name}`, undefined, { authorization: 'Bearer x' });
    expect([absent, nowhere, stranger].map(({ status, body }) => [status, body.reason, body.details.kind])).toEqual([
      [404, 'NotFound', 'secrets'],
      [404, 'NotFound', 'namespaces'],
      [401, 'Unauthorized', 'secrets'],
    ]);
  });
});
