import { z } from 'zod';
import { KeybatonError } from '../domain/errors.ts';
import type { VersionId } from '../domain/identifiers.ts';
import type { Backend, BackendAccess, BackendFactory, Envelope, MainPlace, Place, StoredVersion } from './backend.ts';
import { holdsValue, renderFields, sameMaterial } from './fields.ts';
import { type EmbeddedVault, embeddedVault } from './embedded/vault.ts';
import { createReadMain, type ReadMain } from './embedded/read-main.ts';
import type { EmbeddedStore, Generation } from './embedded/store.ts';
import { fieldsAfter, judgeMain, judgePromotion, markOf } from './main-place.ts';

export interface EmbeddedBackend extends Backend {
  /** What consumers are given over the HTTP API. */
  readonly readMain: ReadMain;
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

  return {
    name,
    readable: true,
    readMain: createReadMain(vault),

    async stage(place, envelope, call) {
      renderFields(place.fields, envelope.material);
      vault.write(call, (store) => {
        const there = store.envelope(place, envelope.version);
        if (there === undefined) return store.addEnvelope(place, envelope);
        if (!sameMaterial(there.material, envelope.material)) {
          throw new KeybatonError('CONFLICT', `version ${envelope.version} is staged with another value`);
        }
      });
    },

    async promote(place, promotion, call) {
      vault.write(call, (store) => {
        const { material } = envelopeOf(store, place, promotion.version);
        const { main, stored, rendered } = standing(store, place);
        if (judgePromotion(main, promotion) === 'done') return;
        const next = fieldsAfter(stored, rendered, renderFields(place.fields, material), promotion);
        store.addGeneration(place, next, call.now());
      });
    },

    async read(place, which, call): Promise<StoredVersion> {
      ensureListening(call.signal);
      return vault.read((store) => {
        if (which !== 'current') return { ...envelopeOf(store, place, which), epoch: undefined };
        const { main } = standing(store, place);
        if (main.kind === 'empty') throw new KeybatonError('NOT_FOUND', `nothing of ours stands at ${place.path}`);
        if (main.kind !== 'ours') throw new KeybatonError('CONFLICT', `what stands at ${place.path} is not ours`);
        return { ...envelopeOf(store, place, main.version), epoch: main.epoch };
      });
    },

    async describe(place, call) {
      ensureListening(call.signal);
      return vault.read((store) => ({ main: standing(store, place).main, staged: store.stagedVersions(place.path) }));
    },

    async destroy(place, version, call) {
      vault.write(call, (store) => {
        const value = store.envelope(place, version)?.material.revealValue();
        const copy = ({ mark, fields }: Generation) =>
          fields !== undefined && (mark?.version === version || (value !== undefined && holdsValue(fields, value)));
        const [current, ...older] = store.generations(place.path);
        if (current !== undefined && copy(current)) {
          throw new KeybatonError('CONFLICT', `version ${version} is what consumers read now at ${place.path}`);
        }
        for (const generation of older.filter(copy)) store.emptyGeneration(generation.n);
        store.removeEnvelope(place.path, version);
      });
      // Also when nothing was there: an earlier attempt may have been ended between the two.
      vault.cutLog();
    },

    async probe(place, call) {
      const beside = { ...place, path: `${place.path}/keybaton-probe` };
      vault.write(call, (store) => {
        store.addGeneration(beside, { probe: 'keybaton' }, call.now());
        const [written] = store.generations(beside.path);
        if (written?.fields?.['probe'] !== 'keybaton') {
          throw new KeybatonError('VERIFICATION_FAILED', `the embedded vault ${name} reads back something else`);
        }
        store.removeGeneration(written.n);
      });
    },
  };
}

/** The main place now, judged, with the fields that the version it is marked with renders to. */
function standing(store: EmbeddedStore, place: Place) {
  const [current] = store.generations(place.path);
  const stored = current?.fields;
  const mark = stored && markOf(stored);
  const staged = store.stagedVersions(place.path);
  const marked = staged.find((version) => version === mark?.version);
  const envelope = marked && store.envelope(place, marked);
  const rendered = envelope && renderFields(place.fields, envelope.material);
  const known = staged[0] && store.envelope(place, staged[0]);
  const mapped = place.fields ? Object.keys(place.fields) : known?.material.fieldNames();
  const main: MainPlace = judgeMain(stored, rendered, mapped);
  return { main, stored, rendered };
}

function ensureListening(signal: AbortSignal): void {
  if (signal.aborted) throw new KeybatonError('UNAVAILABLE', 'the call was cancelled');
}

const settingsSchema = z.strictObject({
  /** The SQLite file; made with mode 0600 when it is not there. Its folder must exist. */
  file: z.string().min(1),
});

export type EmbeddedSettings = z.output<typeof settingsSchema>;

/** The file with its key, for who serves it to consumers (`createReadMain`) beside the backend. */
export function openEmbedded(settings: EmbeddedSettings, access: Pick<BackendAccess, 'key'>): EmbeddedVault {
  return embeddedVault(settings.file, () => access.key('embedded-vault'));
}

export const embedded: BackendFactory<EmbeddedSettings> = {
  kind: 'embedded',
  settingsSchema,
  create: (settings, access) => embeddedBackend(access.name, openEmbedded(settings, access)),
};
