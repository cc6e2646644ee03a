import { readFileSync } from 'node:fs';
import { codeOf, KeybatonError } from '../domain/errors.ts';
import type { VersionId } from '../domain/identifiers.ts';
import type {
  Backend,
  BackendAccess,
  BackendCall,
  BackendFactory,
  Envelope,
  Place,
  Promotion,
  StoredVersion,
} from './backend.ts';
import { SecretMaterial } from '../domain/secret-material.ts';
import { ensureInTime } from './call.ts';
import { renderFields } from './fields.ts';
import { fieldsAfter, judgeMain, judgePromotion, markOf } from './main-place.ts';
import { createKvEngine } from './vault-kv/kv-engine.ts';
import { destroyOldCopies } from './vault-kv/old-copies.ts';
import { createSession } from './vault-kv/session.ts';
import { vaultKvSettings, type VaultKvSettings } from './vault-kv/settings.ts';
import { createStaging } from './vault-kv/staging.ts';
import { createVaultClient } from './vault-kv/vault-client.ts';

/** How often a promote looks again because somebody changed another field meanwhile. */
const patience = 8;

/**
 * Vault or OpenBao, KV v2. Its newest write is what consumers read, so versions are staged on a path of their own and
 * promoted by a compare-and-set write to the main path.
 */
export function vaultKvBackend(settings: VaultKvSettings, access: Pick<BackendAccess, 'name' | 'admin'>): Backend {
  const { address, namespace, timeout, mount, stagingPrefix } = settings;
  const client = createVaultClient({
    address,
    namespace,
    timeout,
    ca: settings.caFile && readAuthority(settings.caFile),
  });
  const engine = createKvEngine(
    mount,
    client,
    createSession(settings, client, () => access.admin()),
  );
  const staging = createStaging(stagingPrefix, engine);

  async function staged(place: Place, version: VersionId, call: BackendCall): Promise<Envelope> {
    const envelope = await staging.find(place, version, call);
    if (envelope !== undefined) return envelope;
    throw new KeybatonError('NOT_FOUND', `version ${version} is not staged in backend ${access.name}`);
  }

  /** The main path now, judged; `cas` is what a write must name to replace just this. */
  async function standing(place: Place, call: BackendCall, mapped: () => Promise<readonly string[] | undefined>) {
    const read = await engine.read(place.path, call);
    const stored = read.kind === 'found' ? read.fields : undefined;
    const mark = stored && markOf(stored);
    const marked = mark && (await staging.find(place, mark.version, call));
    const rendered = marked && renderFields(place.fields, marked.material);
    const names = stored && mark === undefined ? await mapped() : undefined;
    return { main: judgeMain(stored, rendered, names), stored, rendered, marked, cas: read.latest };
  }

  async function tryPromote(
    place: Place,
    promotion: Promotion,
    envelope: Envelope,
    call: BackendCall,
  ): Promise<boolean> {
    const rendered = renderFields(place.fields, envelope.material);
    const now = await standing(place, call, async () => Object.keys(rendered));
    if (judgePromotion(now.main, promotion) === 'done') return true;
    const next = fieldsAfter(now.stored, now.rendered, rendered, promotion);
    try {
      return (await engine.write(place.path, next, now.cas, call)) !== 'moved';
    } catch (thrown) {
      if (codeOf(thrown) !== 'AMBIGUOUS') throw thrown;
      // The answer is lost: what stands there tells, or, if that cannot be seen either, it stays in doubt.
      const after = await standing(place, call, async () => Object.keys(rendered)).catch(() => undefined);
      const { main } = after ?? {};
      if (main?.kind === 'ours' && main.version === promotion.version && main.epoch === promotion.epoch) return true;
      throw thrown;
    }
  }

  return {
    name: access.name,
    readable: true,

    async stage(place, envelope, call) {
      ensureInTime(call);
      renderFields(place.fields, envelope.material);
      await staging.add(place, envelope, call);
    },

    async promote(place, promotion, call) {
      ensureInTime(call);
      const envelope = await staged(place, promotion.version, call);
      for (let attempt = 0; attempt < patience; attempt += 1) {
        if (await tryPromote(place, promotion, envelope, call)) return;
      }
      throw new KeybatonError('UNAVAILABLE', `${place.path} is being written to all the time: nothing was promoted`);
    },

    async read(place, which, call): Promise<StoredVersion> {
      if (which !== 'current') return { ...(await staged(place, which, call)), epoch: undefined };
      const { main, marked } = await standing(place, call, async () => place.fields && Object.keys(place.fields));
      if (main.kind === 'empty') throw new KeybatonError('NOT_FOUND', `nothing of ours stands at ${place.path}`);
      if (main.kind !== 'ours' || marked === undefined) {
        throw new KeybatonError('CONFLICT', `what stands at ${place.path} is not ours`);
      }
      return { ...marked, epoch: main.epoch };
    },

    async describe(place, call) {
      const versions = await staging.list(place, call);
      const { main } = await standing(place, call, async () => {
        if (place.fields !== undefined) return Object.keys(place.fields);
        const [any] = versions;
        return any && (await staging.find(place, any, call))?.material.fieldNames();
      });
      return { main, staged: versions };
    },

    async destroy(place, version, call) {
      ensureInTime(call);
      const value = (await staging.find(place, version, call))?.material.revealValue();
      await destroyOldCopies(engine, place.path, version, value, call);
      // Last: until the old copies are gone, the staged one is how they are recognised.
      await staging.erase(place, version, call);
    },

    async lookUp(path, field, call) {
      const read = await engine.read(path, call);
      const texts = read.kind === 'found' ? textsOf(read.fields) : {};
      const name = field ?? Object.keys(texts)[0];
      if (name === undefined || !(name in texts)) {
        throw new KeybatonError('NOT_FOUND', `backend ${access.name} holds no text ${field ?? ''} at ${path}`);
      }
      return new SecretMaterial(texts, name);
    },

    async probe(place, call) {
      ensureInTime(call);
      await staging.probe(place, call);
    },
  };
}

function textsOf(fields: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

function readAuthority(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new KeybatonError('INVALID_CONFIG', `caFile ${file} cannot be read`);
  }
}

export const vaultKv: BackendFactory<VaultKvSettings> = {
  kind: 'vault-kv',
  settingsSchema: vaultKvSettings,
  create: vaultKvBackend,
};
