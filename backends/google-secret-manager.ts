import { KeybatonError } from '../domain/errors.ts';
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
import { ensureInTime } from './call.ts';
import { fieldsIn } from './envelope-text.ts';
import { renderFields } from './fields.ts';
import { googleCalls } from './google-secret-manager/google-client.ts';
import { type Current, mainSecret, refusePlain } from './google-secret-manager/main-secret.ts';
import { secretNames } from './google-secret-manager/names.ts';
import { destroyOldCopies } from './google-secret-manager/old-copies.ts';
import { promoteAlias, promoteNewest } from './google-secret-manager/promoting.ts';
import { secretStore } from './google-secret-manager/secret-store.ts';
import { type GoogleSettings, googleSettings } from './google-secret-manager/settings.ts';
import { signIn } from './google-secret-manager/sign-in.ts';
import { createStaging } from './google-secret-manager/staging.ts';
import { lookedUp } from './looked-up.ts';
import { fieldsAfter, judgeMain, judgePromotion, markOf } from './main-place.ts';

/**
 * Google Secret Manager. Versions are staged in secrets of their own, and promoted by adding to the main secret: its newest
 * version is what consumers read, or, where the settings say so, the one that an alias is then pointed to.
 */
export function googleSecretManagerBackend(
  settings: GoogleSettings,
  access: Pick<BackendAccess, 'name' | 'admin'>,
): Backend {
  const { readBy, stagingPrefix } = settings;
  const names = secretNames(settings);
  const store = secretStore(
    settings,
    googleCalls(
      settings,
      signIn(settings, () => access.admin()),
    ),
  );
  const main = mainSecret(readBy, store);
  const staging = createStaging(names, store);

  async function staged(place: Place, version: VersionId, call: BackendCall): Promise<Envelope> {
    const envelope = await staging.find(place, version, call);
    if (envelope !== undefined) return envelope;
    throw new KeybatonError('NOT_FOUND', `version ${version} is not staged in backend ${access.name}`);
  }

  /** What consumers are given, judged. */
  async function judged(
    place: Place,
    { stored }: Current,
    call: BackendCall,
    mapped: () => Promise<readonly string[] | undefined>,
  ) {
    const mark = stored && markOf(stored);
    const marked = mark && (await staging.find(place, mark.version, call));
    const rendered = marked && renderFields(place.fields, marked.material);
    const ours = stored && mark === undefined ? await mapped() : undefined;
    return { main: judgeMain(stored, rendered, ours), rendered, marked };
  }

  async function standing(place: Place, call: BackendCall, mapped: () => Promise<readonly string[] | undefined>) {
    return judged(place, await main.current(names.main(place), call), call, mapped);
  }

  function nextFields(place: Place, promotion: Promotion, envelope: Envelope, call: BackendCall) {
    const rendered = renderFields(place.fields, envelope.material);
    return async (now: Current) => {
      const found = await judged(place, now, call, async () => Object.keys(rendered));
      if (judgePromotion(found.main, promotion) === 'done') return 'done' as const;
      refusePlain(now, promotion.overwriteForeign, names.main(place));
      return fieldsAfter(now.plain ? undefined : now.stored, found.rendered, rendered, promotion);
    };
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
      const secret = names.main(place);
      const next = nextFields(place, promotion, envelope, call);
      if (readBy.what === 'latest') await promoteNewest(store, main, secret, next, call);
      else await promoteAlias({ store, main, alias: readBy.alias }, secret, next, call);
    },

    async read(place, which, call): Promise<StoredVersion> {
      if (which !== 'current') return { ...(await staged(place, which, call)), epoch: undefined };
      const now = await standing(place, call, async () => place.fields && Object.keys(place.fields));
      if (now.main.kind === 'empty') throw new KeybatonError('NOT_FOUND', `nothing of ours stands at ${place.path}`);
      if (now.main.kind !== 'ours' || now.marked === undefined) {
        throw new KeybatonError('CONFLICT', `what stands at ${place.path} is not ours`);
      }
      return { ...now.marked, epoch: now.main.epoch };
    },

    async describe(place, call) {
      const versions = await staging.list(place, call);
      const now = await standing(place, call, async () => {
        if (place.fields !== undefined) return Object.keys(place.fields);
        const [any] = versions;
        return any && (await staging.find(place, any, call))?.material.fieldNames();
      });
      return { main: now.main, staged: versions };
    },

    async destroy(place, version, call) {
      ensureInTime(call);
      const value = (await staging.find(place, version, call))?.material.revealValue();
      const where = { store, main, newestIsCurrent: readBy.what === 'latest' };
      await destroyOldCopies(where, names.main(place), version, value, call);
      // Last: until the old copies are gone, the staged one is how they are recognised.
      await staging.erase(place, version, call);
    },

    async lookUp(path, field, call) {
      const { text } = await main.current(names.main({ path }), call);
      const fields = text === undefined ? undefined : (fieldsIn(text) ?? { value: text });
      return lookedUp(fields, field, { backend: access.name, path });
    },

    async probe(place, call) {
      ensureInTime(call);
      const secret = names.main(place);
      await staging.probe(stagingPrefix, call);
      const there = await store.find(secret, call);
      if (there?.expires === true) {
        throw new KeybatonError('INVALID_CONFIG', `secret ${secret} expires: it would vanish under its consumers`);
      }
      if (there?.destroysLate === true) {
        throw new KeybatonError(
          'INVALID_CONFIG',
          `secret ${secret} keeps destroyed versions for a time (version_destroy_ttl): old material would stay; take that off`,
        );
      }
    },
  };
}

export const googleSecretManager: BackendFactory<GoogleSettings> = {
  kind: 'google-secret-manager',
  settingsSchema: googleSettings,
  create: googleSecretManagerBackend,
};
