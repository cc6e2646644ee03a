import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { codeOf, isKeybatonError, KeybatonError } from '../../domain/errors.ts';
import { isVersionId, type VersionId } from '../../domain/identifiers.ts';
import { SecretMaterial } from '../../domain/secret-material.ts';
import type { BackendCall, Envelope, Place } from '../backend.ts';
import { sameMaterial } from '../fields.ts';
import type { KvEngine, KvRead } from './kv-engine.ts';

/** The staging place: one path per version, written once, erased with its metadata. */
export interface Staging {
  add(place: Place, envelope: Envelope, call: BackendCall): Promise<void>;
  find(place: Place, version: string, call: BackendCall): Promise<Envelope | undefined>;
  list(place: Place, call: BackendCall): Promise<readonly VersionId[]>;
  erase(place: Place, version: VersionId, call: BackendCall): Promise<void>;
  probe(place: Place, call: BackendCall): Promise<void>;
}

const envelopeShape = z.object({
  ref: z.object({ id: z.string(), mark: z.string().optional(), parent: z.string().optional() }),
  value: z.string(),
  fields: z.record(z.string(), z.string()),
});

export function createStaging(prefix: string, engine: KvEngine): Staging {
  const folder = (place: Place) => `${prefix}/${place.path}`;
  const pathOf = (place: Place, version: string) => `${folder(place)}/${version}`;

  function envelopeIn(read: KvRead, version: VersionId): Envelope | undefined {
    if (read.kind !== 'found') return undefined;
    const shape = envelopeShape.safeParse(read.fields);
    if (!shape.success) {
      throw new KeybatonError(
        'CONFLICT',
        `the staged copy of version ${version} was changed by hand: destroy that version`,
      );
    }
    const { ref, value, fields } = shape.data;
    const { id, mark, parent } = ref;
    return {
      version,
      ref: { id, ...(mark !== undefined && { mark }), ...(parent !== undefined && { parent }) },
      material: new SecretMaterial(fields, value),
    };
  }

  /** True: the same value is there. Throws CONFLICT for another one, or one that somebody has deleted. */
  async function isThere(place: Place, envelope: Envelope, call: BackendCall): Promise<boolean> {
    const read = await engine.read(pathOf(place, envelope.version), call);
    if (read.kind === 'taken-away') {
      throw new KeybatonError('CONFLICT', `the staged copy of version ${envelope.version} was deleted by hand`);
    }
    const there = envelopeIn(read, envelope.version);
    if (there !== undefined && !sameMaterial(there.material, envelope.material)) {
      throw new KeybatonError('CONFLICT', `version ${envelope.version} is staged with another value`);
    }
    return there !== undefined;
  }

  return {
    async add(place, envelope, call) {
      const { version, ref, material } = envelope;
      const fields = { keybaton_version: version, ref, value: material.valueFieldName(), fields: material.reveal() };
      let lost: KeybatonError | undefined;
      try {
        // 0: only when the path has never been written.
        if ((await engine.write(pathOf(place, version), fields, 0, call)) !== 'moved') return;
      } catch (thrown) {
        if (!isKeybatonError(thrown) || thrown.code !== 'AMBIGUOUS') throw thrown;
        lost = thrown;
      }
      // A conflict found while looking after a lost answer is the better answer; any other trouble leaves it lost.
      const there = await isThere(place, envelope, call).catch((trouble: unknown) => {
        throw lost !== undefined && codeOf(trouble) !== 'CONFLICT' ? lost : trouble;
      });
      if (there) return;
      throw lost ?? new KeybatonError('UNAVAILABLE', `the staged copy of version ${version} was erased meanwhile`);
    },

    async find(place, version, call) {
      if (!isVersionId(version)) return undefined;
      return envelopeIn(await engine.read(pathOf(place, version), call), version);
    },

    async list(place, call) {
      const names = (await engine.list(folder(place), call)).filter(isVersionId);
      const kept = await Promise.all(
        names.map(async (name) =>
          (await engine.versions(pathOf(place, name), call)).some((one) => !one.deleted && !one.destroyed),
        ),
      );
      return names.filter((_name, index) => kept[index] === true);
    },

    erase: (place, version, call) => engine.erase(pathOf(place, version), call),

    async probe(place, call) {
      // A name of its own: two probes at once must not meet.
      const path = `${folder(place)}/probe-${randomUUID()}`;
      const written = await engine.write(path, { probe: 'keybaton' }, 0, call);
      const read = await engine.read(path, call);
      await engine.erase(path, call);
      if (read.kind !== 'found' || read.fields['probe'] !== 'keybaton') {
        throw new KeybatonError('VERIFICATION_FAILED', 'vault does not give back what was written to the staging path');
      }
      if (written !== 'moved' && written.expires) {
        throw new KeybatonError(
          'INVALID_CONFIG',
          'the mount deletes every version after a time (delete_version_after): secrets would vanish under their consumers; turn it off for our paths',
        );
      }
    },
  };
}
