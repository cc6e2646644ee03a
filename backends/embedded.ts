import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import type { VersionId } from '../domain/identifiers.ts';
import type {
  Backend,
  BackendAccess,
  BackendCall,
  BackendFactory,
  Envelope,
  MainPlace,
  Place,
  StoredVersion,
} from './backend.ts';
import { holdsValue, renderFields, sameMaterial } from './fields.ts';
import { type EmbeddedVault, embeddedVault } from './embedded/vault.ts';
import type { ChangedKey } from './embedded/change-key.ts';
import { parseMasterKeys } from './embedded/master-keys.ts';
import { createReadMain, type ReadMain } from './embedded/read-main.ts';
import { walkVault } from './embedded/walk-vault.ts';
import type { EmbeddedStore, Generation } from './embedded/store.ts';
import { fieldsAfter, judgeMain, judgePromotion, markOf } from './main-place.ts';

export interface EmbeddedBackend extends Backend {
  /** What consumers are given over the HTTP API. */
  readMain(...asked: Parameters<ReadMain>): Promise<ReturnType<ReadMain>>;
  /** Changes the key that everything lies under, while others read and write. See `changeKey` in `embedded/`. */
  changeKey(call: BackendCall): Promise<ChangedKey>;
}

/** Is this the vault that keybaton itself serves to consumers? */
export const servesReaders = (backend: Backend): backend is EmbeddedBackend => 'readMain' in backend;

/** The vault inside keybaton: one encrypted SQLite file, for one machine, read by consumers through the HTTP API. */
export function embeddedBackend(name: string, vault: EmbeddedVault): EmbeddedBackend {
  const notStaged = (version: VersionId) =>
    new KeybatonError('NOT_FOUND', `version ${version} is not staged in backend ${name}`);

  function envelopeOf(store: EmbeddedStore, place: Place, version: VersionId): Envelope {
    const envelope = store.envelope(place, version);
    if (envelope === undefined) throw notStaged(version);
    return envelope;
  }

  const readMain = createReadMain(vault);

  /** Also where it throws: that nothing is there is told to nobody before it is so on disk. */
  async function settled<Answer>(run: () => Answer): Promise<Answer> {
    await vault.ready();
    try {
      return run();
    } finally {
      await vault.settled();
    }
  }

  return {
    name,
    readable: true,

    async readMain(path, which) {
      return settled(() => readMain(path, which));
    },

    async changeKey(call) {
      await vault.ready();
      return vault.changeKey(call);
    },

    async stage(place, envelope, call) {
      renderFields(place.fields, envelope.material);
      await settled(() =>
        vault.write(call, (store) => {
          const there = store.envelope(place, envelope.version);
          if (there === undefined) return store.addEnvelope(place, envelope);
          if (!sameMaterial(there.material, envelope.material)) {
            throw new KeybatonError('CONFLICT', `version ${envelope.version} is staged with another value`);
          }
        }),
      );
    },

    async promote(place, promotion, call) {
      await settled(() =>
        vault.write(call, (store) => {
          const { material } = envelopeOf(store, place, promotion.version);
          const { main, stored, rendered } = standing(store, place);
          if (judgePromotion(main, promotion) === 'done') return;
          const next = fieldsAfter(stored, rendered, renderFields(place.fields, material), promotion);
          store.addGeneration(place, next, call.now());
        }),
      );
    },

    async read(place, which, call): Promise<StoredVersion> {
      return settled(() => {
        ensureListening(call.signal);
        return vault.read((store) => {
          if (which !== 'current') return { ...envelopeOf(store, place, which), epoch: undefined };
          const { main } = standing(store, place);
          if (main.kind === 'empty') throw new KeybatonError('NOT_FOUND', `nothing of ours stands at ${place.path}`);
          if (main.kind !== 'ours') throw new KeybatonError('CONFLICT', `what stands at ${place.path} is not ours`);
          return { ...envelopeOf(store, place, main.version), epoch: main.epoch };
        });
      });
    },

    async describe(place, call) {
      return settled(() => {
        ensureListening(call.signal);
        return vault.read((store) => {
          const { main, staged } = standing(store, place);
          return { main, staged };
        });
      });
    },

    async destroy(place, version, call) {
      await settled(() =>
        vault.write(call, (store) => {
          const value = store.envelope(place, version)?.material.revealValue();
          const copy = ({ mark, fields }: Generation) =>
            fields !== undefined && (mark?.version === version || (value !== undefined && holdsValue(fields, value)));
          const [current, ...older] = store.kept(place.path);
          if (current !== undefined && copy(current)) {
            throw new KeybatonError('CONFLICT', `version ${version} is what consumers read now at ${place.path}`);
          }
          for (const generation of older.filter(copy)) store.emptyGeneration(generation.n);
          store.removeEnvelope(place.path, version);
        }),
      );
      // Also when nothing was there: an earlier attempt may have been ended between the two.
      vault.cutLog();
    },

    async probe(place, call) {
      const beside = { ...place, path: `${place.path}/keybaton-probe` };
      await settled(() =>
        vault.write(call, (store) => {
          store.addGeneration(beside, { probe: 'keybaton' }, call.now());
          const written = store.newest(beside.path);
          if (written?.fields?.['probe'] !== 'keybaton') {
            throw new KeybatonError('VERIFICATION_FAILED', `the embedded vault ${name} reads back something else`);
          }
          store.removeGeneration(written.n);
        }),
      );
    },
  };
}

/** The main place now, judged, with the fields that the version it is marked with renders to. */
function standing(store: EmbeddedStore, place: Place) {
  const stored = store.newest(place.path)?.fields;
  const mark = stored && markOf(stored);
  const staged = store.stagedVersions(place.path);
  const marked = staged.find((version) => version === mark?.version);
  const envelope = marked && store.envelope(place, marked);
  const rendered = envelope && renderFields(place.fields, envelope.material);
  const known = (): Envelope | undefined =>
    staged[0] === undefined || staged[0] === marked ? envelope : store.envelope(place, staged[0]);
  const mapped = place.fields ? Object.keys(place.fields) : known()?.material.fieldNames();
  const main: MainPlace = judgeMain(stored, rendered, mapped);
  return { main, stored, rendered, staged };
}

function ensureListening(signal: AbortSignal): void {
  if (signal.aborted) throw new KeybatonError('UNAVAILABLE', 'the call was cancelled');
}

const settingsSchema = z.strictObject({
  /** The SQLite file; made with mode 0600 when it is not there. Its folder must exist. */
  file: z.string().min(1),
  /**
   * `admin`: its master key is the one that `admin:` refers to, 32 bytes in base64. While it is being changed there are
   * two, the new one first. Without it the master key is derived from the installation key.
   */
  masterKey: z.literal('admin').optional(),
});

export type EmbeddedSettings = z.output<typeof settingsSchema>;

/** The file with its key, for who serves it to consumers (`createReadMain`) beside the backend. */
export function openEmbedded(
  settings: EmbeddedSettings,
  access: Pick<BackendAccess, 'key'> & Partial<Pick<BackendAccess, 'admin'>>,
): EmbeddedVault {
  const { admin } = access;
  const derived = (): Uint8Array => access.key('embedded-vault');
  if (settings.masterKey === undefined || admin === undefined) return embeddedVault(settings.file, derived);
  return embeddedVault(settings.file, derived, { own: async () => parseMasterKeys(await admin()) });
}

export const embedded: BackendFactory<EmbeddedSettings> = {
  kind: 'embedded',
  settingsSchema,
  create(settings, access) {
    const vault = openEmbedded(settings, access);
    return {
      ...embeddedBackend(access.name, vault),
      walk: (below, call) => walkVault(settings.file, vault, below, call),
    };
  },
};
