import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Backend, BackendCall, Place } from '../../backends/backend.ts';
import { shown } from '../../conformance/backend/bench.ts';
import { codeOf } from '../../domain/errors.ts';
import { type VersionId, versionIdFrom } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import { temporaryFolder, type TemporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { eventually } from '../fakes/poll.ts';
import { startFake } from '../fakes/start.ts';
import { certificate } from '../outbound/self-signed.ts';
import {
  backendWith,
  documentedRules,
  type KubernetesFake,
  kubernetesSubject,
  nameOf,
  namespace,
  placeAt,
  secretsOf,
} from './kubernetes-subject.ts';
import { runBackendSuite } from './run-backend-suite.ts';

let fake: KubernetesFake;
let folder: TemporaryFolder;
let caFile: string;
const token = 'canary-least-rights-token';
beforeAll(async () => {
  folder = temporaryFolder('kubernetes');
  caFile = join(folder.path, 'ca.crt');
  writeFileSync(caFile, certificate);
  fake = await startFake('kubernetes');
  await fake.control('POST', '/rules', { token, allowed: documentedRules() });
});
afterAll(async () => {
  await fake.stop();
  folder.remove();
});

describe('Kubernetes Secrets under the documented roles', () => {
  runBackendSuite({
    create: kubernetesSubject(
      () => fake,
      () => caFile,
      () => token,
    ),
  });
});

describe('Kubernetes Secrets', () => {
  let place: Place;
  let backend: Backend;
  beforeEach(async () => {
    await fake.reset();
    place = placeAt(`ai/prod/${randomBytes(6).toString('hex')}`);
    backend = backendWith(fake.url, caFile, token);
  });

  const call = (overrides: Partial<BackendCall> = {}): BackendCall => ({
    signal: AbortSignal.timeout(60_000),
    deadline: Date.now() + 60_000,
    now: () => Date.now(),
    ...overrides,
  });
  function make() {
    const value = `canary-kubernetes-${randomBytes(8).toString('hex')}`;
    const material = new SecretMaterial({ api_key: value }, 'api_key');
    return { version: versionIdFrom(randomBytes(64)), value, ref: { id: 'key-1' }, material };
  }
  async function staged() {
    const made = make();
    await backend.stage(place, made, call());
    return made;
  }
  async function promoted(epoch: number, expected?: VersionId) {
    const made = await staged();
    await backend.promote(place, { version: made.version, epoch, expected }, call());
    return made;
  }
  const byHand = (fields: object, annotations: object = {}) =>
    fake.control('POST', '/write', { namespace, name: nameOf(place.path), fields, annotations });
  const main = async () => (await secretsOf(fake))[`${namespace}/${nameOf(place.path)}`];

  /** Starts a promotion that the API server holds before its patch takes effect, and lets `meanwhile` happen. */
  async function overtaken(meanwhile: () => Promise<unknown>) {
    const first = await promoted(1);
    const second = await staged();
    await fake.faults({ delay: { patch: 60_000 } });
    const outcome = backend.promote(place, { version: second.version, epoch: 2, expected: first.version }, call()).then(
      () => 'done',
      (reason: unknown) => reason,
    );
    await eventually(
      () => fake.activity(),
      ({ inProgress }) => inProgress['patch'] === 1,
    );
    await meanwhile();
    await fake.faults({ delay: {} });
    return { second, outcome: await outcome };
  }

  it('a hand that changes another key between look and patch is carried over', async () => {
    const { second, outcome } = await overtaken(() => byHand({ REGION: 'eu-west-1' }));
    expect(outcome).toBe('done');
    const data = (await main())?.data ?? {};
    const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
    expect([text('REGION'), text('api_key') === second.value, text('keybaton_epoch')]).toEqual([
      'eu-west-1',
      true,
      '2',
    ]);
  });

  it('a hand that pastes a value between look and patch is CONFLICT and keeps that value', async () => {
    const { outcome } = await overtaken(() => byHand({ api_key: 'pasted-by-hand' }));
    expect(codeOf(outcome)).toBe('CONFLICT');
    expect(Buffer.from((await main())?.data['api_key'] ?? '', 'base64').toString()).toBe('pasted-by-hand');
  });

  it('keys that hold no text stay byte by byte', async () => {
    await promoted(1);
    const bytes = randomBytes(40).toString('base64');
    const raw = await main();
    const headers = { authorization: `Bearer ${fake.adminKey}`, 'content-type': 'application/merge-patch+json' };
    const { httpClient } = await import('../../outbound/http-client.ts');
    await httpClient({ baseUrl: fake.url, ca: certificate }).request({
      method: 'PATCH',
      path: `/api/v1/namespaces/${namespace}/secrets/${nameOf(place.path)}`,
      headers,
      body: { data: { 'keystore.p12': bytes } },
    });
    const second = await promoted(2, (await backend.describe(place, call())).staged[0]);
    const after = await main();
    expect([after?.data['keystore.p12'], after?.metadata.uid]).toEqual([bytes, raw?.metadata.uid]);
    expect((await backend.describe(place, call())).main).toMatchObject({ kind: 'ours', version: second.version });
  });

  it('what is staged is immutable, lies in another namespace, and is listed without material', async () => {
    const made = await staged();
    const secret = Object.values(await secretsOf(fake)).find(({ metadata }) => metadata.name.endsWith(made.version));
    expect([secret?.immutable, secret?.metadata.namespace]).toEqual([true, 'keybaton-staging']);
    expect((await backend.describe(place, call())).staged).toEqual([made.version]);
  });

  it('the same namespace for staging is refused by the settings', () => {
    expect(() => backendWith(fake.url, caFile, token, { stagingNamespace: namespace })).toThrow(/mount every Secret/);
  });

  it('destroying takes the old value out of what kubectl apply keeps', async () => {
    const first = await promoted(1);
    const kept = JSON.stringify({ data: { api_key: Buffer.from(first.value).toString('base64') } });
    await byHand({}, { 'kubectl.kubernetes.io/last-applied-configuration': kept, team: 'a' });
    await promoted(2, first.version);
    await backend.destroy(place, first.version, call());
    expect((await main())?.metadata.annotations).toEqual({ team: 'a' });
  });

  it('reads the token of its service account anew for every call, so that a rotated one is followed', async () => {
    const tokenFile = join(folder.path, 'token');
    const inCluster = backendWith(fake.url, caFile, 'unused', { auth: { method: 'service-account', tokenFile } });
    for (const fresh of ['first-token', 'second-token']) {
      writeFileSync(tokenFile, `${fresh}\n`);
      await fake.control('POST', '/rules', { token: fresh, allowed: documentedRules() });
      await inCluster.probe(place, call());
      await fake.control('POST', '/revoke', { token: fresh });
      await expect(inCluster.probe(place, call())).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    }
  });

  it('without a token file it says where it looked, and trusts no other authority', async () => {
    const nowhere = backendWith(fake.url, caFile, 'unused', {
      auth: { method: 'service-account', tokenFile: '/no/token' },
    });
    await expect(nowhere.describe(place, call())).rejects.toThrow(/cannot be read from \/no\/token/);
    const wellKnown = backendWith(fake.url, 'none', token);
    await expect(wellKnown.describe(place, call())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('a namespace that does not exist, and a field that can be no key, are INVALID_CONFIG', async () => {
    await fake.settings({ namespaces: ['team-a'] });
    await expect(staged()).rejects.toThrow(/make the namespace/);
    const odd = { ...place, fields: { 'API KEY': '{api_key}' } };
    await expect(backend.stage(odd, make(), call())).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    await expect(backend.describe(placeAt('ai/Prod/x'), call())).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
  });

  it('a full quota is CAPACITY_EXHAUSTED, a missing right ACCESS_DENIED', async () => {
    await fake.settings({ quota: 0 });
    await expect(staged()).rejects.toMatchObject({ code: 'CAPACITY_EXHAUSTED' });
    await fake.reset();
    const allowed = [{ namespace, verbs: ['get'] }];
    await fake.control('POST', '/rules', { token: 'reader', allowed });
    await expect(backendWith(fake.url, caFile, 'reader').probe(place, call())).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
    });
  });

  it.each([
    [429, 'RATE_LIMITED', 'RATE_LIMITED'],
    [500, 'AMBIGUOUS', 'UNAVAILABLE'],
    [504, 'AMBIGUOUS', 'UNAVAILABLE'],
  ])('%i is %s for a write and %s for a read', async (status, write, read) => {
    await fake.faults({ failNext: { operation: 'create', count: 1, status } });
    const writing: unknown = await backend.stage(place, make(), call()).catch((reason: unknown) => reason);
    await fake.faults({ failNext: { operation: 'get', count: 1, status } });
    const reading: unknown = await backend.describe(place, call()).catch((reason: unknown) => reason);
    expect([codeOf(writing), codeOf(reading)]).toEqual([write, read]);
  });

  it('errors name neither the token nor a value, even where the answer does', async () => {
    const made = await staged();
    await fake.faults({ secretInErrors: true, failNext: { count: 50, status: 403 } });
    const thrown: unknown = await backend.read(place, made.version, call()).catch((reason: unknown) => reason);
    expect(codeOf(thrown)).toBe('ACCESS_DENIED');
    expect([shown(thrown).includes(made.value), shown(thrown).includes(token)]).toEqual([false, false]);
  });
});
