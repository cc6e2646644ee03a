import { randomUUID } from 'node:crypto';
import { codeOf, isKeybatonError, KeybatonError } from '../../domain/errors.ts';
import { isVersionId, type VersionId } from '../../domain/identifiers.ts';
import type { BackendCall, Envelope, Place } from '../backend.ts';
import { envelopeIn, envelopeText } from '../envelope-text.ts';
import { sameMaterial } from '../fields.ts';
import { current, type Secrets } from './secrets.ts';

/** The staging place: one secret per version beside the entry's own, since only a whole secret can be erased. */
export interface Staging {
  add(place: Place, envelope: Envelope, call: BackendCall): Promise<void>;
  find(place: Place, version: string, call: BackendCall): Promise<Envelope | undefined>;
  list(place: Place, call: BackendCall): Promise<readonly VersionId[]>;
  erase(place: Place, version: VersionId, call: BackendCall): Promise<void>;
  probe(place: Place, call: BackendCall): Promise<void>;
}

export function createStaging(prefix: string, secrets: Secrets): Staging {
  const folder = (place: Place) => `${prefix}/${place.path}/`;
  const nameOf = (place: Place, version: string) => `${folder(place)}${version}`;

  async function find(place: Place, version: string, call: BackendCall): Promise<Envelope | undefined> {
    if (!isVersionId(version)) return undefined;
    const read = await secrets.read(nameOf(place, version), { stage: current }, call);
    if (read === 'absent' || read === 'deleted') return undefined;
    return envelopeIn(read.text ?? '', version);
  }

  /** Was this very value staged? CONFLICT for another one. */
  async function isThere(place: Place, envelope: Envelope, call: BackendCall): Promise<boolean> {
    const there = await find(place, envelope.version, call);
    if (there !== undefined && !sameMaterial(there.material, envelope.material)) {
      throw new KeybatonError('CONFLICT', `version ${envelope.version} is staged with another value`);
    }
    return there !== undefined;
  }

  return {
    async add(place, envelope, call) {
      const name = nameOf(place, envelope.version);
      let lost: KeybatonError | undefined;
      try {
        // The version id is the idempotency token too, and the name is free only once.
        if ((await secrets.create(name, envelope.version, envelopeText(envelope), call)) === 'created') return;
      } catch (thrown) {
        if (!isKeybatonError(thrown) || thrown.code !== 'AMBIGUOUS') throw thrown;
        lost = thrown;
      }
      // A conflict found while looking after a lost answer is the better answer; any other trouble leaves it lost.
      const there = await isThere(place, envelope, call).catch((trouble: unknown) => {
        throw lost !== undefined && codeOf(trouble) !== 'CONFLICT' ? lost : trouble;
      });
      if (there) return;
      throw lost ?? new KeybatonError('CONFLICT', `the staged copy of version ${envelope.version} was deleted by hand`);
    },

    find,

    async list(place, call) {
      const names = await secrets.list(folder(place), call);
      return names.map((name) => name.slice(folder(place).length)).filter(isVersionId);
    },

    erase: (place, version, call) => secrets.erase(nameOf(place, version), call),

    async probe(place, call) {
      // A name of its own: two probes at once must not meet.
      const id = randomUUID();
      const name = `${folder(place)}probe-${id}`;
      await secrets.create(name, id, 'keybaton', call);
      const read = await secrets.read(name, { stage: current }, call);
      await secrets.erase(name, call);
      if (typeof read === 'string' || read.text !== 'keybaton') {
        throw new KeybatonError(
          'VERIFICATION_FAILED',
          'AWS does not give back what was written beside the staging place',
        );
      }
    },
  };
}
