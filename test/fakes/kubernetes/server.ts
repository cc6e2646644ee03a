/**
 * The Secrets of a Kubernetes API server (and, beside this file, workloads, pods and ExternalSecrets), over HTTPS. From https://kubernetes.io/docs/reference/using-api/api-concepts/
 * (resourceVersion, optimistic locking by it in a patch, `limit` and `continue`, PartialObjectMetadataList, managedFields),
 * .../docs/concepts/configuration/secret/ (keys, immutable, 1 MiB, values in base64), .../docs/reference/access-authn-authz/rbac/
 * (verbs per namespace; create and list know no resourceNames), and RFC 7396 (merge patch), read 2026-11.
 */
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import type { VendorOptions } from '../main.ts';
import { certificate, privateKey } from '../../outbound/self-signed.ts';
import { type Asked, grants, type Rule } from './roles.ts';
import { seconds } from './workloads.ts';
import { workloadsApi } from './workloads-api.ts';

export interface KubernetesFakeSettings {
  /** Namespaces that exist. */
  namespaces: readonly string[];
  /** Secrets a namespace may hold (a ResourceQuota); null: no limit. */
  quota: number | null;
  /** Does the operator of ExternalSecrets run? */
  operator: boolean;
  /** The cluster's clock, epoch milliseconds; null: the machine's. */
  clock: number | null;
}

export interface FakeSecret {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    resourceVersion: string;
    labels: Readonly<Record<string, string>>;
    annotations: Readonly<Record<string, string>>;
    managedFields: readonly object[];
  };
  data: Readonly<Record<string, string>>;
  readonly type: string;
  readonly immutable?: boolean;
}

export type { Rule };

type Given = Readonly<Record<string, unknown>>;

interface Written {
  readonly namespace: string;
  readonly name: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** By API group. */
const served: Readonly<Record<string, readonly string[]>> = {
  '': ['secrets', 'pods'],
  apps: ['deployments', 'statefulsets', 'daemonsets'],
  'external-secrets.io': ['externalsecrets'],
};

const nameRule = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const keyRule = /^(?!\.{1,2}$)[-._A-Za-z0-9]{1,253}$/;
const labelRule = /^(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?$/;

export function kubernetesVendor({ adminKey, onValue }: VendorOptions): Vendor<KubernetesFakeSettings> {
  const settings: KubernetesFakeSettings = {
    namespaces: ['team-a', 'keybaton-staging'],
    quota: null,
    operator: true,
    clock: null,
  };
  const secrets = new Map<string, FakeSecret>();
  const rules = new Map<string, readonly Rule[]>();
  let version = 100;
  let last: string | undefined;

  const nextVersion = () => String((version += 1));
  const no = (code: number, reason: string, message: string, kind = 'secrets'): FakeAnswer => ({
    status: code,
    body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code, details: { kind } },
  });
  const said = (status: number, body: object): FakeAnswer => ({ status, body });
  const shown = (secret: FakeSecret) => ({ apiVersion: 'v1', kind: 'Secret', ...secret });
  const absent = (name: string) => no(404, 'NotFound', `secrets "${name}" not found`);

  const now = () => settings.clock ?? Date.now();
  /** Who set which keys last, and when. */
  const managed = (manager: string, data: object) => [
    {
      manager,
      operation: 'Update',
      apiVersion: 'v1',
      time: seconds(now()),
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:data': { '.': {}, ...Object.fromEntries(Object.keys(data).map((key) => [`f:${key}`, {}])) } },
    },
  ];

  function refused({ headers }: FakeRequest, asked: Asked): FakeAnswer | undefined {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? '';
    if (token === adminKey) return undefined;
    const given = rules.get(token);
    if (given === undefined) return no(401, 'Unauthorized', 'Unauthorized');
    const { verb, resource, namespace } = asked;
    if (grants(given, asked)) return undefined;
    return no(403, 'Forbidden', `cannot ${verb} resource "${resource}" in the namespace "${namespace}"`, resource);
  }

  /** Why the API server would call such a Secret invalid. */
  function invalid(data: Given, labels: Given): FakeAnswer | undefined {
    const wrong = (why: string) => no(422, 'Invalid', why);
    for (const [key, value] of Object.entries(data)) {
      if (!keyRule.test(key)) return wrong(`data[${key}]: a valid config key must consist of alphanumeric characters`);
      if (typeof value !== 'string' || Buffer.from(value, 'base64').toString('base64') !== value)
        return no(400, 'BadRequest', 'illegal base64 data');
    }
    if (Object.values(labels).some((value) => !labelRule.test(String(value)))) return wrong('a label is not allowed');
    if (JSON.stringify(data).length > 1_400_000) return wrong('data: Too long');
    for (const value of Object.values(data)) {
      last = Buffer.from(String(value), 'base64').toString('utf8');
      onValue(last);
    }
    return undefined;
  }

  function create(namespace: string, body: Given): FakeAnswer {
    if (!settings.namespaces.includes(namespace))
      return no(404, 'NotFound', `namespaces "${namespace}" not found`, 'namespaces');
    const metadata = Object(body['metadata']) as { name?: string; labels?: Record<string, string> };
    const name = metadata.name ?? '';
    if (!nameRule.test(name)) return no(422, 'Invalid', `Secret "${name}" is invalid: metadata.name`);
    if (secrets.has(`${namespace}/${name}`)) return no(409, 'AlreadyExists', `secrets "${name}" already exists`);
    const data = Object(body['data']) as Record<string, string>;
    const wrong = invalid(data, metadata.labels ?? {});
    if (wrong) return wrong;
    const here = [...secrets.values()].filter((one) => one.metadata.namespace === namespace).length;
    if (settings.quota !== null && here >= settings.quota)
      return no(
        403,
        'Forbidden',
        `secrets "${name}" is forbidden: exceeded quota: secrets, requested: count/secrets=1`,
      );
    const made: FakeSecret = {
      metadata: {
        name,
        namespace,
        uid: `uid-${nextVersion()}`,
        resourceVersion: nextVersion(),
        labels: metadata.labels ?? {},
        annotations: {},
        managedFields: managed('keybaton', data),
      },
      data,
      type: typeof body['type'] === 'string' ? body['type'] : 'Opaque',
      ...(body['immutable'] === true && { immutable: true }),
    };
    secrets.set(`${namespace}/${name}`, made);
    return said(201, shown(made));
  }

  /** RFC 7396: null takes away. */
  function merged(standing: Given, patch: Given): Record<string, string> {
    const joined = Object.entries({ ...standing, ...patch }).filter(([, value]) => value !== null);
    return Object.fromEntries(joined) as Record<string, string>;
  }

  function patch(found: FakeSecret, request: FakeRequest): FakeAnswer {
    if (request.headers['content-type'] !== 'application/merge-patch+json')
      return no(415, 'UnsupportedMediaType', 'this fake takes merge patches alone');
    const body = Object(request.body) as Given;
    const metadata = Object(body['metadata']) as { resourceVersion?: string; annotations?: Given };
    if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== found.metadata.resourceVersion)
      return no(409, 'Conflict', 'the object has been modified; please apply your changes to the latest version');
    const data = merged(found.data, Object(body['data']) as Given);
    if (found.immutable === true && JSON.stringify(data) !== JSON.stringify(found.data))
      return no(422, 'Invalid', 'data: Forbidden: field is immutable when `immutable` is set');
    const wrong = invalid(data, {});
    if (wrong) return wrong;
    if (JSON.stringify(found.data) !== JSON.stringify(data)) found.metadata.managedFields = managed('keybaton', data);
    found.data = data;
    found.metadata.annotations = merged(found.metadata.annotations, metadata.annotations ?? {});
    found.metadata.resourceVersion = nextVersion();
    return said(200, shown(found));
  }

  function list(namespace: string, { query, headers }: FakeRequest): FakeAnswer {
    const [key = '', value] = (query.get('labelSelector') ?? '').split('=');
    const fitting = [...secrets.values()].filter(
      ({ metadata }) => metadata.namespace === namespace && (key === '' || metadata.labels[key] === value),
    );
    const start = Number(query.get('continue') ?? 0);
    const size = Number(query.get('limit') ?? 0) || fitting.length;
    const rest = start + size < fitting.length ? { continue: String(start + size) } : {};
    const partial = /as=PartialObjectMetadataList/.test(headers.accept ?? '');
    const items = fitting
      .slice(start, start + size)
      .map((one) =>
        partial ? { apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata: one.metadata } : one,
      );
    const kind = partial ? 'PartialObjectMetadataList' : 'SecretList';
    return said(200, { kind, apiVersion: 'v1', metadata: { resourceVersion: String(version), ...rest }, items });
  }

  function perform(request: FakeRequest, asked: Asked): FakeAnswer {
    const denied = refused(request, asked);
    if (denied) return denied;
    const { verb, resource, namespace, name } = asked;
    if (resource !== 'secrets') return others.perform(request, asked);
    if (name === undefined)
      return verb === 'create' ? create(namespace, Object(request.body) as Given) : list(namespace, request);
    const found = secrets.get(`${namespace}/${name}`);
    if (found === undefined) return absent(name);
    if (verb === 'get') return said(200, shown(found));
    if (verb === 'patch') return patch(found, request);
    secrets.delete(`${namespace}/${name}`);
    return said(200, { kind: 'Status', apiVersion: 'v1', status: 'Success', details: { name, kind: 'secrets' } });
  }

  const others = workloadsApi({
    nextVersion,
    no,
    now,
    operatorRuns: () => settings.operator,
    keepSecret: (namespace, name, fields) => write({ namespace, name, fields }, 'external-secrets'),
  });

  /** Somebody with another tool: set in one go, made where it is not there. */
  function write({ namespace, name, fields, annotations }: Written, manager = 'kubectl'): void {
    const data = Object.fromEntries(
      Object.entries(fields).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
    );
    const found = secrets.get(`${namespace}/${name}`);
    if (found === undefined) create(namespace, { metadata: { name }, data });
    else found.data = { ...found.data, ...data };
    const standing = secrets.get(`${namespace}/${name}`);
    if (standing === undefined) return;
    standing.metadata.managedFields = managed(manager, standing.data);
    standing.metadata.annotations = { ...standing.metadata.annotations, ...annotations };
    standing.metadata.resourceVersion = nextVersion();
  }

  return {
    settings,
    tls: { key: privateKey, cert: certificate },
    operation: (request): Operation => {
      const [, group = '', namespace, resource = '', name] =
        /^\/(?:api\/v1|apis\/(apps|external-secrets\.io)\/v1)\/namespaces\/([^/]+)\/([a-z]+)(?:\/([^/]+))?$/.exec(
          request.path,
        ) ?? [];
      if (namespace === undefined || !(served[group] ?? []).includes(resource))
        return {
          name: 'unknown',
          perform: () => no(404, 'NotFound', 'the server could not find the requested resource'),
        };
      const verb = verbOf(request.method, name);
      const asked = { verb, group, resource, namespace, name };
      return { name: resource === 'secrets' ? verb : `${verb}-${resource}`, perform: () => perform(request, asked) };
    },
    failure: (status, message) => no(status, reasons[status] ?? 'InternalError', message),
    control: {
      ...others.control,
      'GET /secrets': () => Object.fromEntries(secrets),
      'POST /rules': (body) => {
        const { token, allowed } = body as { token: string; allowed: readonly Rule[] };
        rules.set(token, allowed);
        return {};
      },
      'POST /revoke': (body) => {
        rules.delete((body as { token: string }).token);
        return {};
      },
      'POST /write': (body) => (write(body as Written), {}),
    },
    lastValue: () => last,
  };
}

const reasons: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

function verbOf(method: string, name: string | undefined): string {
  if (name === undefined) return method === 'POST' ? 'create' : 'list';
  return { GET: 'get', PATCH: 'patch', DELETE: 'delete', PUT: 'update' }[method] ?? method.toLowerCase();
}
