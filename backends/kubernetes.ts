import { KeybatonError } from '../domain/errors.ts';
import type { Backend, BackendAccess, BackendCall, BackendFactory } from './backend.ts';
import { ensureInTime } from './call.ts';
import { holdsValue } from './fields.ts';
import { apiCalls } from './kubernetes/api-client.ts';
import { checkKeys, mainName } from './kubernetes/names.ts';
import { secretStore, type StoredSecret } from './kubernetes/secret-store.ts';
import { type KubernetesSettings, kubernetesSettings } from './kubernetes/settings.ts';
import { createStaging } from './kubernetes/staging.ts';
import { walkNamespace } from './kubernetes/walk-namespace.ts';
import { lookedUp } from './looked-up.ts';
import { markOf, type StoredFields } from './main-place.ts';
import { stagedBeside, type Stood } from './staged-beside.ts';

/** Where `kubectl apply` keeps what it was given, values too. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/**
 * Kubernetes Secrets. A Secret has one state and a resourceVersion: versions are staged as Secrets in a namespace of their
 * own, and promoted by one patch of the main Secret that names the resourceVersion it was made from.
 */
export function kubernetesBackend(
  settings: KubernetesSettings,
  access: Pick<BackendAccess, 'name' | 'admin'>,
): Backend {
  const { namespace, root } = settings;
  const store = secretStore(apiCalls(settings, () => access.admin()));
  const staging = createStaging(settings, store);

  async function written(name: string, seen: StoredSecret | undefined, next: StoredFields, call: BackendCall) {
    // All that is ours is text; what is not ours is carried over by not being named.
    const changed = Object.entries(next).filter(([key, value]) => seen?.fields[key] !== value);
    const texts = Object.fromEntries(changed.map(([key, value]) => [key, String(value)]));
    if (seen === undefined) {
      return (await store.create(namespace, name, { fields: texts, labels: {}, immutable: false }, call)) === 'made'
        ? 'done'
        : 'moved';
    }
    const gone = Object.keys(seen.fields).filter((key) => !Object.hasOwn(next, key));
    const fields = { ...texts, ...Object.fromEntries(gone.map((key) => [key, null])) };
    return store.change(namespace, name, seen, { fields }, call);
  }

  return {
    name: access.name,
    readable: true,

    ...stagedBeside<Stood & { readonly secret: StoredSecret | undefined }>({
      name: access.name,
      staging,
      checkNames: checkKeys,
      async look(place, call) {
        const secret = await store.read(namespace, mainName(place, root), call);
        return { fields: secret?.fields, secret };
      },
      replace: (place, { fields }, { secret }, call) => written(mainName(place, root), secret, fields, call),
    }),

    async destroy(place, version, call) {
      ensureInTime(call);
      const name = mainName(place, root);
      const value = (await staging.find(place, version, call))?.material.revealValue();
      const secret = await store.read(namespace, name, call);
      if (secret !== undefined) {
        const marked = markOf(secret.fields)?.version === version;
        if (marked || (value !== undefined && holdsValue(secret.fields, value))) {
          throw new KeybatonError('CONFLICT', `version ${version} is what consumers read now at ${place.path}`);
        }
        await forgetApplied(name, secret, value, call);
      }
      // Last: until other copies are gone, the staged one is how they are recognised.
      await staging.erase(place, version, call);
    },

    async lookUp(path, field, call) {
      const secret = await store.read(namespace, mainName({ path }, root), call);
      return lookedUp(secret?.fields, field, { backend: access.name, path });
    },

    walk: (below, call) => walkNamespace(store, { below, namespace, root }, call),

    async probe(place, call) {
      ensureInTime(call);
      const name = mainName(place, root);
      await staging.probe(call);
      await store.read(namespace, name, call);
    },
  };

  /** `kubectl apply` keeps a copy of every value in an annotation, which outlives the value itself. */
  async function forgetApplied(name: string, secret: StoredSecret, value: string | undefined, call: BackendCall) {
    const kept = secret.annotations[lastApplied];
    if (kept === undefined || value === undefined || !appliedHolds(kept, value)) return;
    const change = { fields: {}, annotations: { [lastApplied]: null } };
    if ((await store.change(namespace, name, secret, change, call)) === 'moved') {
      throw new KeybatonError('UNAVAILABLE', `Secret ${namespace}/${name} changed while an old copy was taken off it`);
    }
  }
}

function appliedHolds(kept: string, value: string): boolean {
  try {
    const { data = {}, stringData = {} } = JSON.parse(kept) as {
      data?: Record<string, string>;
      stringData?: Record<string, string>;
    };
    const decoded = Object.values(data).map((text) => Buffer.from(text, 'base64').toString('utf8'));
    return holdsValue([...decoded, ...Object.values(stringData)], value);
  } catch {
    // What cannot be read may hold anything.
    return true;
  }
}

export const kubernetes: BackendFactory<KubernetesSettings> = {
  kind: 'kubernetes',
  settingsSchema: kubernetesSettings,
  create: kubernetesBackend,
};
