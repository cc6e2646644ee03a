import { KeybatonError } from '../../domain/errors.ts';
import type { BackendCall } from '../backend.ts';
import type { StoredFields } from '../main-place.ts';
import type { Answered, ApiCalls } from './api-client.ts';
import { kubernetesTrouble } from './trouble.ts';

/** One Secret: its fields decoded, and what a change must name to change just this. */
export interface StoredSecret {
  readonly fields: StoredFields;
  readonly resourceVersion: string;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface SecretChange {
  /** null takes a field away; fields that are not named stay as they are, byte by byte. */
  readonly fields: Readonly<Record<string, string | null>>;
  readonly annotations?: Readonly<Record<string, null>>;
}

export interface NewSecret {
  readonly fields: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Nobody can change it afterwards, only delete it. */
  readonly immutable: boolean;
}

/** The calls we need. Every error is a KeybatonError, and only what is absent is absent. */
export interface SecretStore {
  read(namespace: string, name: string, call: BackendCall): Promise<StoredSecret | undefined>;
  create(namespace: string, name: string, secret: NewSecret, call: BackendCall): Promise<'made' | 'there'>;
  /** Compare-and-set by resourceVersion. `moved`: it was changed or deleted since, and nothing was written. */
  change(
    namespace: string,
    name: string,
    seen: StoredSecret,
    change: SecretChange,
    call: BackendCall,
  ): Promise<'moved' | 'done'>;
  /** Already gone is success. */
  erase(namespace: string, name: string, call: BackendCall): Promise<void>;
  /** Names only: no material comes with them. */
  labelled(namespace: string, selector: string, call: BackendCall): Promise<readonly string[]>;
}

const managedBy = { 'app.kubernetes.io/managed-by': 'keybaton' };
const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64');

export function secretStore(calls: ApiCalls): SecretStore {
  return {
    async read(namespace, name, call) {
      const what = `read Secret ${namespace}/${name}`;
      const read = await calls.ask(call, { what, writes: false }, (api, way) =>
        api.readNamespacedSecret({ namespace, name }, way),
      );
      if (isAbsent(read)) return undefined;
      const { data = {}, metadata } = answer(read, what);
      const resourceVersion = metadata?.resourceVersion ?? '';
      if (resourceVersion === '')
        throw new KeybatonError('UNAVAILABLE', `the answer to ${what} has no resourceVersion`);
      const decoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]);
      return {
        fields: Object.fromEntries(decoded) as StoredFields,
        resourceVersion,
        annotations: metadata?.annotations ?? {},
      };
    },

    async create(namespace, name, { fields, labels, immutable }, call) {
      const what = `make Secret ${namespace}/${name}`;
      const body = {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'Opaque',
        metadata: { name, namespace, labels: { ...managedBy, ...labels } },
        data: Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, base64(value)])),
        ...(immutable && { immutable }),
      };
      const made = await calls.ask(call, { what, writes: true }, (api, way) =>
        api.createNamespacedSecret({ namespace, body }, way),
      );
      if (made.kind === 'answer') return 'made';
      if (made.refusal.reason === 'AlreadyExists') return 'there';
      throw kubernetesTrouble(made.refusal, what, true);
    },

    async change(namespace, name, seen, { fields, annotations }, call) {
      const what = `change Secret ${namespace}/${name}`;
      const data = Object.entries(fields).map(([key, value]) => [key, value === null ? null : base64(value)]);
      // A merge patch that names the resourceVersion is refused when another one stands there.
      const body = {
        metadata: { resourceVersion: seen.resourceVersion, ...(annotations && { annotations }) },
        data: Object.fromEntries(data) as Readonly<Record<string, string | null>>,
      };
      const asked = { what, writes: true, headers: { 'content-type': 'application/merge-patch+json' } };
      const changed = await calls.ask(call, asked, (api, way) =>
        api.patchNamespacedSecret({ namespace, name, body }, way),
      );
      if (changed.kind === 'answer') return 'done';
      if (changed.refusal.reason === 'Conflict' || isAbsent(changed)) return 'moved';
      throw kubernetesTrouble(changed.refusal, what, true);
    },

    async erase(namespace, name, call) {
      const what = `delete Secret ${namespace}/${name}`;
      const gone = await calls.ask(call, { what, writes: true }, (api, way) =>
        api.deleteNamespacedSecret({ namespace, name }, way),
      );
      if (gone.kind === 'refused' && !isAbsent(gone)) throw kubernetesTrouble(gone.refusal, what, true);
    },

    async labelled(namespace, labelSelector, call) {
      const what = `list Secrets of namespace ${namespace}`;
      const headers = { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' };
      const names: string[] = [];
      for (let from: string | undefined; ;) {
        const page = { namespace, labelSelector, limit: 250, ...(from !== undefined && { _continue: from }) };
        const listed: Answered<{
          items: readonly { metadata?: { name?: string } }[];
          metadata?: { _continue?: string };
        }> = await calls.ask(call, { what, writes: false, headers }, (api, way) => api.listNamespacedSecret(page, way));
        const { items, metadata } = answer(listed, what);
        names.push(...items.map((one) => one.metadata?.name ?? ''));
        if (!metadata?._continue) return names;
        from = metadata._continue;
      }
    },
  };
}

function isAbsent(answered: Answered<unknown>): boolean {
  return (
    answered.kind === 'refused' && answered.refusal.reason === 'NotFound' && answered.refusal.kind !== 'namespaces'
  );
}

function answer<Answer>(answered: Answered<Answer>, what: string): Answer {
  if (answered.kind === 'answer') return answered.answer;
  throw kubernetesTrouble(answered.refusal, what, false);
}
