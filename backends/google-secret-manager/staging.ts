import { randomUUID } from 'node:crypto';
import { codeOf, isKeybatonError, KeybatonError } from '../../domain/errors.ts';
import { isVersionId, type VersionId } from '../../domain/identifiers.ts';
import type { BackendCall, Envelope, Place } from '../backend.ts';
import { envelopeIn, envelopeText } from '../envelope-text.ts';
import { sameMaterial } from '../fields.ts';
import { placeLabel, type SecretNames } from './names.ts';
import type { SecretStore } from './secret-store.ts';

/**
 * The staging place: one secret per version, whose first version is the envelope. Google has no create-only write of a
 * payload, but it numbers what is added: whoever got number 1 was first, and everybody sees it by that number at once.
 */
export interface Staging {
  add(place: Place, envelope: Envelope, call: BackendCall): Promise<void>;
  find(place: Place, version: string, call: BackendCall): Promise<Envelope | undefined>;
  list(place: Place, call: BackendCall): Promise<readonly VersionId[]>;
  erase(place: Place, version: VersionId, call: BackendCall): Promise<void>;
  probe(stagingPrefix: string, call: BackendCall): Promise<void>;
}

export function createStaging(names: SecretNames, store: SecretStore): Staging {
  async function find(place: Place, version: string, call: BackendCall): Promise<Envelope | undefined> {
    if (!isVersionId(version)) return undefined;
    const read = await store.access(names.staged(place, version), 1, call);
    return read.kind === 'found' ? envelopeIn(read.text, version) : undefined;
  }

  /** True: the same value is there. Throws CONFLICT for another one, or one that somebody has closed. */
  async function isThere(place: Place, envelope: Envelope, call: BackendCall): Promise<boolean> {
    const { version } = envelope;
    const read = await store.access(names.staged(place, version), 1, call);
    if (read.kind === 'absent') return false;
    if (read.kind === 'closed') {
      throw new KeybatonError('CONFLICT', `the staged copy of version ${version} was disabled or destroyed by hand`);
    }
    if (!sameMaterial(envelopeIn(read.text, version).material, envelope.material)) {
      throw new KeybatonError('CONFLICT', `version ${version} is staged with another value`);
    }
    return true;
  }

  return {
    find,

    async add(place, envelope, call) {
      const secret = names.staged(place, envelope.version);
      if (await isThere(place, envelope, call)) return;
      let lost: KeybatonError | undefined;
      try {
        await store.create(secret, { [placeLabel]: names.placeHash(place) }, call);
        const n = await store.add(secret, envelopeText(envelope), call);
        if (n === 1) return;
        // Somebody was first: ours is a copy more than there should be, whoever is right.
        if (n !== undefined) await store.change('destroy', secret, n, call);
      } catch (thrown) {
        if (!isKeybatonError(thrown) || thrown.code !== 'AMBIGUOUS') throw thrown;
        lost = thrown;
      }
      // A conflict found while looking after a lost answer is the better answer; any other trouble leaves it lost.
      const there = await isThere(place, envelope, call).catch((trouble: unknown) => {
        throw lost !== undefined && codeOf(trouble) !== 'CONFLICT' ? lost : trouble;
      });
      if (there) return;
      throw (
        lost ?? new KeybatonError('UNAVAILABLE', `the staging secret of version ${envelope.version} is not there yet`)
      );
    },

    async list(place, call) {
      const secrets = await store.labelled(placeLabel, names.placeHash(place), call);
      const versions = secrets.map((secret) => names.versionOf(place, secret)).filter(isVersionId);
      const kept = await Promise.all(
        versions.map(async (one) => (await store.access(names.staged(place, one), 1, call)).kind === 'found'),
      );
      return versions.filter((_one, index) => kept[index] === true);
    },

    erase: (place, version, call) => store.erase(names.staged(place, version), call),

    async probe(stagingPrefix, call) {
      // A name of its own: two probes at once must not meet.
      const secret = `${stagingPrefix}__probe-${randomUUID()}`;
      await store.create(secret, {}, call);
      const n = await store.add(secret, 'keybaton', call);
      const read = n === undefined ? undefined : await store.access(secret, n, call);
      const made = await store.find(secret, call);
      await store.erase(secret, call);
      if (read?.kind !== 'found' || read.text !== 'keybaton') {
        throw new KeybatonError(
          'VERIFICATION_FAILED',
          'google does not give back what was written to a staging secret',
        );
      }
      if (made?.destroysLate === true || made?.expires === true) {
        throw new KeybatonError(
          'INVALID_CONFIG',
          'secrets made in this project expire or are destroyed late by a policy',
        );
      }
    },
  };
}
