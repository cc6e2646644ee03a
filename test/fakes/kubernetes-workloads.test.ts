import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { httpClient } from '../../outbound/http-client.ts';
import { certificate } from '../outbound/self-signed.ts';
import type { KubernetesFakeSettings } from './kubernetes/server.ts';
import { type RunningFake, startFake } from './start.ts';

/** What the pages of Kubernetes and of the External Secrets Operator say, asked of the fake by plain HTTPS alone. */
let fake: RunningFake<KubernetesFakeSettings>;
const deployment = '/apis/apps/v1/namespaces/team-a/deployments/web';
const externalSecret = '/apis/external-secrets.io/v1/namespaces/team-a/externalsecrets/bot';
const pods = '/api/v1/namespaces/team-a/pods';
const secret = '/api/v1/namespaces/team-a/secrets/bot';

beforeAll(async () => {
  fake = await startFake('kubernetes');
});
afterAll(async () => {
  await fake.stop();
});
beforeEach(async () => {
  await fake.reset();
  await fake.control('POST', '/forget');
  const spec = { containers: [{ name: 'web', env: [{ name: 'PLAIN', value: 'x' }] }] };
  await fake.control('POST', '/workloads', {
    namespace: 'team-a',
    plural: 'deployments',
    name: 'web',
    spec,
    replicas: 2,
  });
});

async function ask(
  method: 'GET' | 'PATCH',
  path: string,
  given: { body?: object; accept?: string; token?: string; query?: Record<string, string> } = {},
) {
  const { status, body } = await httpClient({ baseUrl: fake.url, ca: certificate }).request({
    method,
    path,
    ...(given.query !== undefined && { query: given.query }),
    ...(given.body !== undefined && { body: given.body }),
    headers: {
      authorization: `Bearer ${given.token ?? fake.adminKey}`,
      ...(given.accept !== undefined && { accept: given.accept }),
      ...(method === 'PATCH' && { 'content-type': 'application/merge-patch+json' }),
    },
    expect: [401, 403, 404, 409],
  });
  // Whatever the server says: a wrong shape fails the assertion.
  return { status, body: body as ReturnType<typeof JSON.parse> };
}
const annotate = (value: string) => ({ spec: { template: { metadata: { annotations: { keybaton_epoch: value } } } } });
const rollOut = (more: object = {}) =>
  fake.control('POST', '/roll-out', { namespace: 'team-a', plural: 'deployments', name: 'web', ...more });

describe('a Deployment, as its pages describe it', () => {
  it('a change of the template counts the generation up, which the controller sees later', async () => {
    const { generation } = (await ask('PATCH', deployment, { body: annotate('7') })).body.metadata;
    const before = (await ask('GET', deployment)).body;
    expect([before.metadata.generation, before.status.observedGeneration]).toEqual([generation, generation - 1]);
    await rollOut({ upTo: 1 });
    const between = (await ask('GET', deployment)).body.status;
    expect([between.observedGeneration, between.updatedReplicas, between.replicas]).toEqual([generation, 1, 2]);
  });

  it('the same template again is no change', async () => {
    const first = await ask('PATCH', deployment, { body: annotate('7') });
    const again = await ask('PATCH', deployment, { body: annotate('7') });
    expect(again.body.metadata.generation).toBe(first.body.metadata.generation);
  });

  it('a patch that names another resourceVersion is Conflict', async () => {
    const stale = await ask('PATCH', deployment, { body: { metadata: { resourceVersion: '1' }, ...annotate('8') } });
    expect([stale.status, stale.body.reason]).toEqual([409, 'Conflict']);
  });

  it('new pods have the annotations of the template, and are listed by label without their spec', async () => {
    await ask('PATCH', deployment, { body: annotate('7') });
    await rollOut();
    const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
    const listed = await ask('GET', pods, { accept, query: { labelSelector: 'app=web' } });
    expect(listed.body.items.map((pod: never) => Object.keys(pod))).toEqual([['metadata'], ['metadata']]);
    expect(listed.body.items[0].metadata.annotations).toEqual({ keybaton_epoch: '7' });
    expect((await ask('GET', pods, { query: { labelSelector: 'app=other' } })).body.items).toEqual([]);
  });
});

describe('an ExternalSecret, as its page describes it', () => {
  const force = (value: string) =>
    ask('PATCH', externalSecret, { body: { metadata: { annotations: { 'force-sync': value } } } });
  const kept = async () => (await ask('GET', secret)).body.data?.key;
  const given = async (spec: object) => {
    await fake.control('POST', '/external-secrets', { namespace: 'team-a', name: 'bot', spec });
    const fields = { key: `stored-${JSON.stringify(spec)}` };
    await fake.control('POST', '/store', { namespace: 'team-a', name: 'bot', fields });
    await force(`${Date.now()}`);
    return Buffer.from(fields.key).toString('base64');
  };

  it.each([[{}], [{ refreshInterval: '24h' }], [{ refreshPolicy: 'OnChange', refreshInterval: '0' }]])(
    'syncs when an annotation changes: %o',
    async (spec) => {
      expect(await given(spec)).toBe(await kept());
    },
  );

  it.each([[{ refreshInterval: '0' }], [{ refreshInterval: '0s' }], [{ refreshPolicy: 'CreatedOnce' }]])(
    'does not: %o',
    async (spec) => {
      expect(await given(spec)).not.toBe(await kept());
    },
  );

  it('says who changed which keys of the Secret, and when, in whole seconds', async () => {
    await given({});
    const [entry] = (await ask('GET', secret)).body.metadata.managedFields;
    expect([entry.manager, Object.keys(entry.fieldsV1['f:data'])]).toEqual(['external-secrets', ['.', 'f:key']]);
    expect(entry.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });
});

describe('roles', () => {
  it('grant verbs by group, resource, namespace and name, and nothing else', async () => {
    const rule = { namespace: 'team-a', apiGroups: ['apps'], resources: ['deployments'] };
    const allowed = [{ ...rule, resourceNames: ['web'], verbs: ['get'] }];
    await fake.control('POST', '/rules', { token: 'reader', allowed });
    const asked = [
      ask('GET', deployment, { token: 'reader' }),
      ask('GET', deployment.replace('web', 'other'), { token: 'reader' }),
      ask('GET', deployment.replace('team-a', 'team-b'), { token: 'reader' }),
      ask('PATCH', deployment, { token: 'reader', body: annotate('9') }),
      ask('GET', pods, { token: 'reader' }),
      ask('GET', secret, { token: 'reader' }),
    ];
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 403, 403, 403, 403, 403]);
  });

  it('a list cannot be bound to a name', async () => {
    const allowed = [
      { namespace: 'team-a', apiGroups: [''], resources: ['pods'], resourceNames: ['web-1'], verbs: ['list'] },
    ];
    await fake.control('POST', '/rules', { token: 'named', allowed });
    expect((await ask('GET', pods, { token: 'named' })).status).toBe(403);
  });
});
